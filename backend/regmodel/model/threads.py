"""OpenMP kept to one thread: on shared cores two wait for each other by spinning, and lose what they gain."""

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
    """Found once: the search goes through every loaded library."""
    return ThreadpoolController()
