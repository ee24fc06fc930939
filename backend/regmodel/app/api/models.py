"""POST /promote_champion and GET /model_summary: the registry's champions and models."""

from anyio import to_thread
from fastapi import APIRouter, Depends

from backend.regmodel.app.auth import KeyBeforeBody, require_api_key
from backend.regmodel.app.problems import ProblemError, documented
from backend.regmodel.app.schemas import PromoteRequest, PromoteResponse
from backend.regmodel.app.state import Context
from backend.regmodel.registry.registry import RegistryError
from backend.regmodel.registry.summary import PromotionRefused, Summary, UnknownModel, promote

router = APIRouter(dependencies=[Depends(require_api_key)], route_class=KeyBeforeBody)


@router.post("/promote_champion", responses=documented(400, 401, 404, 409, 413, 422, 500, 503))
async def promote_champion(body: PromoteRequest, context: Context) -> PromoteResponse:
    """Make a trained model champion of its type; the next /predict is answered by it.

    409 for a test_mode model, a wrong type, or when `expected_champion` is not the champion (null: when there
    is one).
    """
    now = context.clock()
    replaced: str | None = None

    def change(summary: Summary) -> Summary:
        nonlocal replaced
        replaced = summary.champions.get(body.model_type)
        return promote(summary, body.model_type, body.run_id, expected=body.expected, now=now)

    try:
        summary = await to_thread.run_sync(context.champions.change, change, now)
    except UnknownModel as error:
        raise ProblemError(404, "Unknown model", str(error)) from error
    except PromotionRefused as error:
        raise ProblemError(409, "Not promoted", str(error)) from error
    except (RegistryError, OSError) as error:
        raise ProblemError(503, "Registry unavailable", str(error)) from error
    return PromoteResponse(
        model_type=body.model_type, run_id=body.run_id, replaced=replaced, registry_version=summary.version
    )


@router.get("/model_summary", responses=documented(401, 500))
async def model_summary(context: Context) -> Summary:
    """The registry's summary: champions, models with their scores, promotions, the fixed baseline set."""
    return context.champions.summary
