"""Free ports of loopback for the programs of the demo and of the tests."""

import random
import socket
from contextlib import suppress

_UNTRIED = iter(random.SystemRandom().sample(range(20_000, 32_000), 12_000))
"""Below those the kernel gives to outgoing connections, which could be given a program's port while
that program starts again."""


def free_port() -> int:
    """Never one that was asked for before, so that two programs that start together get two."""
    for port in _UNTRIED:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("every port from 20000 to 31999 is taken")
