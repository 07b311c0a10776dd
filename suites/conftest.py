"""Suites run on the embedded lab unless another cluster is named."""

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Make the lab the default cluster of a run that names the suites."""
    if config.option.cluster is None:
        config.option.cluster = "lab"
