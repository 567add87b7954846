"""What to do where a service or program that a test needs is absent."""

from __future__ import annotations

import os
import shutil

import pytest


def require(available: bool, reason: str) -> None:
    """Skip the test, or fail it where HUBMIRROR_REQUIRE_SERVICES says that all must be there."""
    if available:
        return
    if os.environ.get("HUBMIRROR_REQUIRE_SERVICES"):
        pytest.fail(reason)
    pytest.skip(reason)


def require_program(name: str) -> str:
    """Return where a program lies, or skip."""
    found = shutil.which(name)
    require(found is not None, f"{name} is not installed")
    return str(found)
