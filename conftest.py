"""Wiring only: the plugin and the fixtures that this repository's suites and tests use."""

pytest_plugins = [
    "pytester",
    "netproof.plugin",
    "fixtures.cluster",
    "fixtures.fleet",
    "fixtures.policies",
    "fixtures.port_forward",
    "fixtures.doors",
]
