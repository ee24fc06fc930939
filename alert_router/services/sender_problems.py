"""What is wrong with the senders: requests that were refused, and names in their URLs that nobody knows.

In memory, because anybody can cause it: bounded, and never a reason to be not ready.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from threading import Lock

log = logging.getLogger(__name__)
REMEMBERED = timedelta(hours=1)
LOG_EVERY = timedelta(minutes=1)
MAX_SENDERS = 100
"""Pairs of a status and an address that are counted singly."""
MAX_SHOWN = 5
MAX_NAMES = 20
MAX_NAME_CHARS = 60
OTHERS = "other addresses"
NAMES_REMEMBERED = timedelta(days=1)
"""Longer than any usual repeat_interval."""
Sender = tuple[int, str]


class SenderProblems:
    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._refused: defaultdict[Sender, Counter[datetime]] = defaultdict(Counter)
        """How many in each minute."""
        self._names: dict[str, datetime] = {}
        """What is unknown, in words, and when it was last used."""
        self._logged_at: dict[int, datetime] = {}
        self._unlogged: Counter[int] = Counter()
        self._lock = Lock()
        """Health is checked in a thread."""

    def refused(self, status: int, address: str) -> None:
        now = self._clock()
        with self._lock:
            self._forget(now)
            sender = (status, printable(address))
            if sender not in self._refused and len(self._refused) >= MAX_SENDERS:
                sender = (status, OTHERS)
            self._refused[sender][now.replace(second=0, microsecond=0)] += 1
        self._log_refused(*sender, now)

    def unknown_name(self, kind: str, name: str, consequence: str) -> None:
        """kind: what it should have named. consequence: what became of the alerts."""
        now = self._clock()
        problem = f'unknown {kind} "{printable(name)}" in the webhook URL; {consequence}'
        with self._lock:
            self._forget(now)
            last_at = self._names.get(problem)
            if last_at is not None or len(self._names) < MAX_NAMES:
                self._names[problem] = now
        if last_at is None or now - last_at >= LOG_EVERY:
            log.warning("%s", problem)

    def refused_senders(self) -> tuple[tuple[int, str, int], ...]:
        """Of the last hour: status, address and number of requests; the most first."""
        with self._lock:
            self._forget(self._clock())
            counts = Counter({sender: minutes.total() for sender, minutes in self._refused.items()})
        return tuple((status, address, number) for (status, address), number in counts.most_common())

    def troubles(self) -> Mapping[str, str]:
        """In words for a person."""
        with self._lock:
            self._forget(self._clock())
            used = list(self._names.items())
            counts = Counter({sender: minutes.total() for sender, minutes in self._refused.items()})
        names = {
            f"webhook URL {number}": f"{problem} (last at {at:%H:%M} UTC)"
            for number, (problem, at) in enumerate(used, 1)
        }
        return names | ({"senders": _in_words(counts)} if counts else {})

    def _log_refused(self, status: int, address: str, now: datetime) -> None:
        """One line a minute and status: whoever is refused tries again and again."""
        self._unlogged[status] += 1
        logged_at = self._logged_at.get(status)
        if logged_at is not None and abs(now - logged_at) < LOG_EVERY:
            return
        number = self._unlogged.pop(status)
        log.warning("refused %s with %s, the last from %s", _requests(number), status, address)
        self._logged_at[status] = now

    def _forget(self, now: datetime) -> None:
        """Minutes ahead of the clock too: it was set back."""
        for sender, minutes in list(self._refused.items()):
            for minute in [minute for minute in minutes if abs(now - minute) >= REMEMBERED]:
                del minutes[minute]
            if not minutes:
                del self._refused[sender]
        self._names = {name: at for name, at in self._names.items() if abs(now - at) < NAMES_REMEMBERED}


def printable(text: str) -> str:
    """Of a stranger's text, what can neither forge a log line nor fill a page."""
    return "".join(char if char.isprintable() else " " for char in text[:MAX_NAME_CHARS])


def _in_words(counts: Counter[Sender]) -> str:
    most = counts.most_common(MAX_SHOWN)
    single = len(counts) == 1
    parts = [f"{status} from {address}" + ("" if single else f" ({n})") for (status, address), n in most]
    rest = len(counts) - len(most)
    parts += [f"{rest} more senders"] if rest else []
    return f"{counts.total()} refused in the last hour: {', '.join(parts)}"


def _requests(number: int) -> str:
    return "a request" if number == 1 else f"{number} requests"
