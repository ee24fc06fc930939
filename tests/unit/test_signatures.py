"""Whether a signature can be right is known before a body is read."""

from datetime import timedelta

import pytest

from alert_router.domain.access import Identity
from alert_router.web.credentials import Signer
from testbed.factories import NOON


@pytest.mark.parametrize(("ago_s", "fresh"), [(0, True), (300, True), (301, False), (-301, False)])
def test_signature_is_fresh_within_its_tolerance(ago_s: int, fresh: bool) -> None:
    signer = Signer(Identity("g", frozenset()), b"secret", b"x-sig", b"x-time", timedelta(minutes=5))

    assert signer.is_fresh({b"x-time": str(int(NOON.timestamp()) - ago_s).encode()}, NOON) is fresh
    assert not signer.is_fresh({}, NOON)
