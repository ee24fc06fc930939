"""Signed links: what they are good for, and that nothing else is."""

import dataclasses
import string
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_router.domain.act_links import ActKind, ActLink, Refused, Signer, expiry
from testbed.factories import NOON

SIGNER = Signer(b"k" * 32)
LINK = ActLink(ActKind.ACKNOWLEDGE, 42, 0, expiry(NOON))
ALPHABET = string.ascii_letters + string.digits + "-_."


@given(
    kind=st.sampled_from(ActKind),
    incident_id=st.integers(min_value=1, max_value=2**59),
    turn=st.integers(min_value=0, max_value=2**31),
)
def test_link_is_read_as_it_was_signed(kind: ActKind, incident_id: int, turn: int) -> None:
    link = ActLink(kind, incident_id, turn, expiry(NOON))

    assert SIGNER.read(SIGNER.token(link), NOON) == link


def test_token_is_short_and_the_same_each_time() -> None:
    assert SIGNER.token(LINK) == SIGNER.token(LINK)
    assert len(SIGNER.token(LINK)) < 45


def test_link_is_good_until_it_expires() -> None:
    token = SIGNER.token(LINK)

    assert SIGNER.read(token, LINK.expires_at - timedelta(seconds=1)) == LINK
    assert SIGNER.read(token, LINK.expires_at) is Refused.EXPIRED


@given(st.data())
def test_altered_token_is_refused(data: st.DataObject) -> None:
    token = SIGNER.token(LINK)
    place = data.draw(st.integers(0, len(token) - 1))
    altered = token[:place] + data.draw(st.sampled_from(ALPHABET)) + token[place + 1 :]

    # The last character of the signature carries two bits that mean nothing: text is compared, not bytes.
    assert (SIGNER.read(altered, NOON) == LINK) is (altered == token)


@pytest.mark.parametrize(
    "changes",
    [{"incident_id": 43}, {"kind": ActKind.SILENCE}, {"turn": 1}, {"expires_at": expiry(expiry(NOON))}],
)
def test_signature_of_one_link_does_not_fit_another(changes: dict[str, object]) -> None:
    another = SIGNER.token(dataclasses.replace(LINK, **changes))  # type: ignore[arg-type] # fields by name
    forged = another.rpartition(".")[0] + "." + SIGNER.token(LINK).rpartition(".")[2]

    assert SIGNER.read(forged, NOON) is Refused.ALTERED


@pytest.mark.parametrize("token", ["", ".", "a1", "a1.0.0.", "é" * 40, "a1.0.ffffffff." + "A" * 22])
def test_anything_else_is_refused(token: str) -> None:
    assert SIGNER.read(token, NOON) is Refused.ALTERED


def test_another_key_and_no_key_are_refused() -> None:
    token = SIGNER.token(LINK)

    assert Signer(b"another").read(token, NOON) is Refused.ALTERED
    assert Signer().read(Signer().token(LINK), NOON) is Refused.ALTERED
