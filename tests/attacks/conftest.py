"""Fixtures of the attacks."""

from collections.abc import Iterator

import pytest

from tests.attacks.labapi import LabApi


@pytest.fixture
def api() -> Iterator[LabApi]:
    """Yield a lab's API server without a lab."""
    made = LabApi()
    yield made
    made.close()
