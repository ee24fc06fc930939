"""The real programs that tests need: one that is missing fails the tests in CI and skips them elsewhere."""

import os
import shutil
from typing import NoReturn

import pytest


def missing(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(f"CI needs it: {reason}")
    pytest.skip(reason)


def program(*names: str, package: str) -> str:
    """The path of the first of these commands that is installed."""
    for name in names:
        if path := shutil.which(name):
            return path
    missing(f"{names[0]} is not installed (Debian: {package})")
