import httpx
import pytest

from dags.pipeline.retry import RetryPolicy, Unavailable

POLICY = RetryPolicy(attempts=4, first_wait_s=1.0, max_wait_s=3.0)


def send(*answers: int | Exception, retry_after: str | None = None) -> tuple[int | str, list[float]]:
    """The final status, or the text of Unavailable; and the pauses."""
    queue, pauses = list(answers), list[float]()

    def request() -> httpx.Response:
        answer = queue.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer, headers={"retry-after": retry_after} if retry_after else {})

    try:
        return POLICY.send(request, pauses.append).status_code, pauses
    except Unavailable as error:
        return str(error), pauses


@pytest.mark.parametrize("status", [200, 204, 302, 400, 401, 404, 422])
def test_final_statuses_are_returned_at_once(status: int) -> None:
    assert send(status) == (status, [])


@pytest.mark.parametrize("fault", [429, 500, 503, 599, httpx.ConnectError("no"), httpx.ReadTimeout("no")])
def test_transient_faults_are_retried(fault: int | Exception) -> None:
    assert send(fault, fault, 200) == (200, [1, 2])


def test_pauses_double_up_to_the_maximum() -> None:
    assert send(500, 500, 500, 200) == (200, [1, 2, 3])


def test_retries_end_with_the_last_reason() -> None:
    assert send(500, 500, 500, httpx.ConnectError("http://user:secret@host")) == (
        "ConnectError (tries: 4)",
        [1, 2, 3],
    )


def test_retry_after_lengthens_a_pause() -> None:
    assert send(429, 200, retry_after="3") == (200, [3])


def test_retry_after_beyond_the_maximum_gives_up() -> None:
    assert send(429, 200, retry_after="4") == ("HTTP 429 (tries: 1)", [])


def test_other_errors_are_not_retried() -> None:
    with pytest.raises(ZeroDivisionError):
        send(ZeroDivisionError())
