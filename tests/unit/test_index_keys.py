"""Keys that fit into an index: unchanged up to the limit, shorter and still distinct above."""

import pytest

from alert_router.domain.index_keys import MAX_BYTES, NAME_CHARS, hash_if_long, truncate


@pytest.mark.parametrize("text", ["", "a", "a" * MAX_BYTES, "é" * (MAX_BYTES // 2)])
def test_key_that_fits_is_kept(text: str) -> None:
    assert hash_if_long(text) == text


@pytest.mark.parametrize("text", ["a" * (MAX_BYTES + 1), "é" * (MAX_BYTES // 2 + 1)])
def test_key_too_long_is_hashed(text: str) -> None:
    key = hash_if_long(text)

    assert key.startswith("sha256:")
    assert len(key) == len("sha256:") + 64
    assert key != hash_if_long(f"{text}b")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a" * NAME_CHARS, "a" * NAME_CHARS),
        ("a" * (NAME_CHARS + 1), "a" * (NAME_CHARS - 1) + "…"),
    ],
)
def test_name_too_long_is_cut_with_an_ellipsis(text: str, shown: str) -> None:
    assert truncate(text) == shown
