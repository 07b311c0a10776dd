"""The browser in which a module's pages are opened."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser import chromium


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[chromium.Browser]:
    """Return a browser for all tests of a module."""
    with chromium.browser(tmp_path_factory.mktemp("profile")) as started:
        yield started
