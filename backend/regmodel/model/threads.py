"""Limits OpenMP to one thread: on shared cores two threads spin-wait for each other and gain nothing."""

import contextlib
import functools
from collections.abc import Iterator

from threadpoolctl import ThreadpoolController


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """For the calling thread, while the block runs; OpenMP keeps the number per thread."""
    with _controller().limit(limits=1, user_api="openmp"):
        yield


@functools.cache
def _controller() -> ThreadpoolController:
    """Cached: the search goes through every loaded library."""
    return ThreadpoolController()
