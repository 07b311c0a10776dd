"""The pytest plugin: this module is what pytest loads, in every project of the machine.

It declares options and names the fixtures, and imports nothing else of netproof until a run asks
for a cluster or a bundle. Then `hooks` are added for it: those of the process that starts the run
(pytest-xdist's controller, or the only one there is), which owns the cluster, and those of each
process that runs tests; `bundletests` where bundles are tested. Each undoes at its end what it
changed in pytest or in the process.

What belongs here: all that knows pytest. It must not know how a run goes, which is `run`, nor how
its record is worded, which is `report`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from netproof.front import options

pytest_plugins = (
    "netproof.fixtures.cluster",
    "netproof.fixtures.fleet",
    "netproof.fixtures.policies",
    "netproof.fixtures.port_forward",
    "netproof.fixtures.doors",
)

NAMES = ("netproof", __name__)
"""What pytest may know this module by: the entry point's name and its own."""

SUITES = "netproof.suites"


def pytest_plugin_registered(plugin: object, manager: pytest.PytestPluginManager) -> None:
    """Be there once for whoever names the plugin by -p or `pytest_plugins` besides, by any name."""
    if plugin is sys.modules[__name__]:
        known_as = manager.get_name(plugin)
        for name in NAMES:
            if name != known_as:
                manager.set_blocked(name)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("netproof", "netproof: does this cluster enforce NetworkPolicies?")
    options.declare(group.addoption, options.ALL, options.PREFIX)


@pytest.hookimpl(optionalhook=True, tryfirst=True)  # pytest-xdist itself has an answer for any run
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Return what `-n auto` means for a run of ours; it is not ours to say for any other."""
    cluster = _cluster(config)
    if not cluster:
        return None
    from netproof.front import testworkers

    return testworkers.on_cluster(cluster)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Add the hooks of a run that asks for a cluster or a bundle."""
    config.option.np_cluster = _cluster(config)
    if config.option.np_cluster or config.option.np_bundle:
        from netproof.front.plugin import hooks

        hooks.add(config)


def _cluster(config: pytest.Config) -> str | None:
    """Return the cluster that is asked for; suites and bundles are tried on the lab by default."""
    option = config.option
    if option.np_cluster is None and (
        (option.np_bundle and not option.np_bundle_static) or _names_suites(config)
    ):
        return "lab"
    cluster: str | None = option.np_cluster
    return cluster


def _names_suites(config: pytest.Config) -> bool:
    """Tell whether a word of the command line is a part of the suites, as a package or a path."""
    folder = (Path(__file__).parents[2] / "suites").resolve()
    for word in config.args if config.args_source is pytest.Config.ArgsSource.ARGS else ():
        name = word.partition("::")[0]
        if config.option.pyargs and f"{name}.".startswith(f"{SUITES}."):
            return True
        path = (config.invocation_params.dir / name).resolve()
        if path == folder or folder in path.parents:
            return True
    return False
