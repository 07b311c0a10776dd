"""Finding libnftables."""

from collections.abc import Iterator

import pytest

from netlab.dataplane import nft


@pytest.fixture
def unloaded() -> Iterator[None]:
    """Forget the library that was loaded, before and after."""
    nft._library.cache_clear()
    yield
    nft._library.cache_clear()


@pytest.mark.usefixtures("unloaded")
def test_a_missing_library_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says which file is missing, what to install, and how to name another."""
    monkeypatch.setenv(nft.LIBRARY_VARIABLE, "/nowhere/libnftables.so")
    with pytest.raises(nft.LibraryMissingError) as caught:
        nft.Nft()
    for word in ("/nowhere/libnftables.so", "libnftables1", nft.LIBRARY_VARIABLE):
        assert word in str(caught.value)
