"""Compares passwords with their bcrypt hashes: one at a time, in a thread, and each pair once."""

import asyncio
import hashlib
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

import bcrypt

from alert_router.web.credentials import PasswordCheck

MAX_KNOWN = 1_000
MAX_WAITING = 16
"""A guesser waits for the one thread like everybody; the rest of the router does not wait for it."""
NOBODY = b"$2b$10$KgRxQnouVh5P/.C07.KqOujZzbIZHCyf9k0E3f6wXsQp0URxhZD3m"
MAX_PASSWORD_BYTES = 72
"""bcrypt reads no more; a longer one is never equal."""


class Busy(Exception):
    """Too many passwords wait to be compared."""


class Passwords:
    def __init__(self) -> None:
        self._known: OrderedDict[bytes, bool] = OrderedDict()
        self._thread = ThreadPoolExecutor(1, "passwords")
        self._waiting = 0

    async def is_right(self, check: PasswordCheck) -> bool:
        """Raises Busy."""
        hashed = check.user.secret if check.user else NOBODY
        pair = hashlib.sha256(hashed + check.password).digest()
        if pair not in self._known:
            await self._compute(pair, hashed, check.password)
        return check.user is not None and self._known.get(pair, False)

    async def _compute(self, pair: bytes, hashed: bytes, password: bytes) -> None:
        if self._waiting >= MAX_WAITING:
            raise Busy
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            self._known[pair] = await loop.run_in_executor(self._thread, _is_equal, password, hashed)
        finally:
            self._waiting -= 1
        while len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)


def _is_equal(password: bytes, hashed: bytes) -> bool:
    try:
        return len(password) <= MAX_PASSWORD_BYTES and bcrypt.checkpw(password, hashed)
    except ValueError:  # the hash is none, or the password holds NUL
        return False
