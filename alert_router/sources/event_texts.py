"""The texts of events: what of an error is its sentence, and what is its log."""

from datetime import timedelta

from alert_router.domain.time_words import duration

TRACEBACK = "Traceback (most recent call last)"
LOG = "log"
"""The annotation that is shown as it is, with its indentation."""


def error(text: str) -> dict[str, str]:
    """The annotations of an error: of a traceback, its last line is the description."""
    lines = text.strip().splitlines()
    if not _is_log(lines):
        return {"description": text}
    return {"description": lines[-1].strip(), LOG: text}


def _is_log(lines: list[str]) -> bool:
    """Indentation means something in it, so markdown would spoil it."""
    return len(lines) > 1 and any(TRACEBACK in line or line.startswith(("  ", "\t")) for line in lines)


def took(duration_s: float | None) -> str:
    return f"It took {duration(timedelta(seconds=duration_s))}." if duration_s is not None else ""
