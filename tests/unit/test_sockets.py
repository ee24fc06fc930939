"""Tests outside e2e, browser and exporter reach no network."""

import socket

import pytest
from pytest_socket import SocketBlockedError


@pytest.mark.filterwarnings("ignore:A test tried to use socket")
def test_internet_sockets_are_blocked() -> None:
    with pytest.raises(SocketBlockedError):
        socket.socket(socket.AF_INET)


def test_unix_sockets_are_open() -> None:
    socket.socket(socket.AF_UNIX).close()
