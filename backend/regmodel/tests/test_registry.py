import threading
from pathlib import Path
from typing import Any

import pytest

from backend.regmodel.model.decision import Verdict
from backend.regmodel.model.estimators import ModelType
from backend.regmodel.registry.registry import KEEP_VERSIONS, Registry, RegistryError
from backend.regmodel.registry.storage import Storage
from backend.regmodel.registry.summary import (
    Examined,
    Expected,
    Marks,
    Model,
    PromotionRefused,
    Span,
    Summary,
    UnknownModel,
    promoted,
    with_model,
)
from backend.regmodel.tests.conftest import NOON, at

SPAN = Span(start=at("2020-09-01"), end=at("2020-11-24"))


def make_model(run_id: str, **changes: Any) -> Model:
    marks = Examined(holdout=Marks(r2=0.8, rmse=20, mae=10, rows=900), baseline=Marks(reason="none yet"))
    model = Model(
        run_id=run_id,
        model_type=ModelType.RF,
        test_mode=False,
        created_at=NOON,
        fit=SPAN,
        holdout=Span(start=SPAN.end, end=at("2020-12-01")),
        rows=10_000,
        fit_seconds=2.5,
        hyperparameters={},
        data="generated",
        challenger=marks,
        champion=None,
        champion_run_id=None,
        decision=Verdict.DEPLOY,
        reason="the first champion",
        improvement=None,
    )
    return model.model_copy(update=changes)


@pytest.fixture(params=["folder", "memory"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Registry:
    url = str(tmp_path) if request.param == "folder" else f"memory://{tmp_path}"
    return Registry(Storage.at(url))


def add(registry: Registry, run_id: str, *, keep: int = 1_000, **changes: Any) -> Summary:
    model = make_model(run_id, **changes)
    return registry.change(lambda summary: with_model(summary, model, keep=keep), NOON)


def promote(registry: Registry, run_id: str, expected: str | Expected | None = Expected.ANYTHING) -> Summary:
    return registry.change(
        lambda summary: promoted(summary, ModelType.RF, run_id, expected=expected, now=NOON), NOON
    )


def test_concurrent_writers_lose_nothing(registry: Registry) -> None:
    start = threading.Barrier(8)

    def write(writer: int) -> None:
        start.wait()
        for number in range(5):
            add(registry, f"rf-{writer}-{number}")

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = registry.current()
    assert {model.run_id for model in found.models} == {f"rf-{w}-{n}" for w in range(8) for n in range(5)}
    assert found.version == 40


def test_summary_json_is_the_newest_version(registry: Registry) -> None:
    for number in range(3):
        add(registry, f"rf-{number}")

    content = registry.storage.read("summary.json")

    assert content is not None
    assert Summary.model_validate_json(content) == registry.current()


def test_a_writer_that_died_before_publishing_is_healed_by_the_next(registry: Registry) -> None:
    before = add(registry, "rf-0")
    orphan = with_model(before, make_model("rf-orphan"), keep=10).model_copy(update={"version": 2})
    registry.storage.create("versions/00000002.json", orphan.model_dump_json().encode())

    add(registry, "rf-2")

    content = registry.storage.read("summary.json")
    assert content is not None
    assert [m.run_id for m in Summary.model_validate_json(content).models] == ["rf-0", "rf-orphan", "rf-2"]


def test_of_two_writers_of_one_name_one_wins(registry: Registry) -> None:
    assert registry.storage.create("versions/x.json", b"first")
    assert not registry.storage.create("versions/x.json", b"second")
    assert registry.storage.read("versions/x.json") == b"first"


def test_old_versions_are_forgotten_and_the_newest_stay(registry: Registry) -> None:
    for number in range(KEEP_VERSIONS + 5):
        add(registry, f"rf-{number}", keep=3)

    assert len(registry.storage.names("versions")) == KEEP_VERSIONS
    assert [m.run_id for m in registry.current().models] == [f"rf-{KEEP_VERSIONS + n}" for n in (2, 3, 4)]


def test_what_another_process_has_removed_already_is_no_error(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(registry.storage.files), "exists", lambda *_, **__: True)

    registry.storage.remove("versions/00000001.json")
    registry.storage.remove("models/rf-1")


@pytest.mark.parametrize("broken", ["replace", "remove"])
def test_a_stored_change_is_no_failure_though_tidying_up_fails(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("503 from the object store")

    add(registry, "rf-1", keep=1)
    with monkeypatch.context() as patched:
        patched.setattr(Storage, broken, fails)
        changed = add(registry, "rf-2", keep=1)
    add(registry, "rf-3", keep=1)

    content = registry.storage.read("summary.json")
    assert changed.version == 2
    assert content is not None
    assert Summary.model_validate_json(content) == registry.current()


def test_a_champion_is_kept_however_old(registry: Registry) -> None:
    add(registry, "rf-first")
    promote(registry, "rf-first")

    for number in range(5):
        add(registry, f"rf-{number}", keep=2)

    assert [m.run_id for m in registry.current().models] == ["rf-first", "rf-4"]


def test_the_first_champions_holdout_becomes_the_baseline_set_for_good(registry: Registry) -> None:
    first = add(registry, "rf-1").models[0]
    add(registry, "rf-2", holdout=Span(start=NOON, end=NOON))

    promote(registry, "rf-1")
    promote(registry, "rf-2")

    assert registry.current().baseline == first.holdout


def test_a_test_mode_model_can_never_be_champion(registry: Registry) -> None:
    add(registry, "rf-small", test_mode=True)

    with pytest.raises(PromotionRefused, match="test_mode"):
        promote(registry, "rf-small")

    assert registry.current().champions == {}


def test_a_promotion_decided_on_an_older_champion_is_refused(registry: Registry) -> None:
    for run_id in ("rf-1", "rf-2", "rf-3"):
        add(registry, run_id)
    promote(registry, "rf-1")
    promote(registry, "rf-2", expected="rf-1")

    with pytest.raises(PromotionRefused, match="the champion is rf-2, not rf-1"):
        promote(registry, "rf-3", expected="rf-1")


def test_who_expects_no_champion_is_refused_when_there_is_one(registry: Registry) -> None:
    for run_id in ("rf-1", "rf-2"):
        add(registry, run_id)
    promote(registry, "rf-1", expected=None)

    with pytest.raises(PromotionRefused, match="the champion is rf-1, not nobody"):
        promote(registry, "rf-2", expected=None)


def test_a_promotion_asked_for_again_is_done_already(registry: Registry) -> None:
    for run_id in ("rf-1", "rf-2"):
        add(registry, run_id)
    promote(registry, "rf-1", expected=None)
    done = promote(registry, "rf-2", expected="rf-1")

    assert promote(registry, "rf-2", expected="rf-1") == done


def test_unknown_models_and_wrong_types_are_refused(registry: Registry) -> None:
    add(registry, "hgb-1", model_type=ModelType.HGB)

    with pytest.raises(UnknownModel):
        promote(registry, "rf-nobody")
    with pytest.raises(PromotionRefused, match="of type hgb"):
        promote(registry, "hgb-1")


def test_promoting_the_champion_again_changes_nothing(registry: Registry) -> None:
    add(registry, "rf-1")

    assert promote(registry, "rf-1") == promote(registry, "rf-1")


def test_a_summary_that_cannot_be_read_is_an_error_and_not_an_empty_registry(registry: Registry) -> None:
    registry.storage.create("versions/00000001.json", b'{"version": ')

    with pytest.raises(RegistryError, match="version 1"):
        registry.current()


def test_a_summary_from_before_left_out_was_noted_is_read(registry: Registry) -> None:
    summary = add(registry, "rf-1")
    registry.storage.create(
        "versions/00000002.json", summary.model_dump_json(exclude={"models": {0: {"left_out"}}}).encode()
    )

    assert registry.current().models == summary.models


def test_a_model_whose_file_is_gone_says_so(registry: Registry) -> None:
    with pytest.raises(RegistryError, match="rf-1 is gone"):
        registry.load("rf-1")
