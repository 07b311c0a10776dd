"""One RBAC rule against one request."""

from typing import Any

import pytest

from netlab.access.attributes import Attributes, is_covered
from tests.unit.netlab.access.clusters import asked, rule


@pytest.mark.parametrize(
    ("given", "what", "covered"),
    [
        (rule("get", "pods"), "get pods", True),
        (rule("get", "pods"), "list pods", False),
        (rule("*", "pods"), "deletecollection pods", True),
        (rule("get", "pods"), "get pods/portforward", False),
        (rule("get", "pods/portforward"), "get pods/portforward", True),
        (rule("get", "pods/portforward"), "get pods", False),
        (rule("get", "*"), "get pods/portforward", True),
        (rule("get", "*/portforward"), "get pods/portforward", True),
        (rule("get", "*/portforward"), "get pods/exec", False),
        (rule("get", "*/portforward"), "get pods", False),
        (rule("get", "pods/*"), "get pods/portforward", False),
        (rule("get", "pods/*"), "get pods", False),
        (rule("get", "po*"), "get pods", False),
        (rule("create get", "services pods/exec"), "create pods/exec", True),
    ],
)
def test_verbs_and_resources(given: Any, what: str, covered: bool) -> None:
    """A star stands for everything, */sub for all kinds, and nothing else is a pattern."""
    assert is_covered(given, asked(what)) is covered


@pytest.mark.parametrize(
    ("groups", "group", "covered"),
    [
        ("", "", True),
        ("apps", "", False),
        ("networking.k8s.io", "networking.k8s.io", True),
        ("*", "networking.k8s.io", True),
        ("*", "", True),
        ("*.k8s.io", "networking.k8s.io", False),
    ],
)
def test_groups(groups: str, group: str, covered: bool) -> None:
    """The core group is the empty one, and a star is every group."""
    assert is_covered(rule("get", "*", groups=groups), asked("get pods", group=group)) is covered


@pytest.mark.parametrize(
    ("names", "name", "covered"),
    [("web", "web", True), ("web", "db", False), ("web db", "db", True), ("web", "", False)],
)
def test_names(names: str, name: str, covered: bool) -> None:
    """Named rules hold for those objects only, and so never for a list or a creation."""
    given = rule("get create", "pods", names=names)
    assert is_covered(given, asked("get pods", name=name)) is covered


@pytest.mark.parametrize(
    ("pattern", "path", "covered"),
    [
        ("/healthz", "/healthz", True),
        ("/healthz", "/healthz/etcd", False),
        ("/healthz/*", "/healthz/etcd", True),
        ("/healthz/*", "/healthz", False),
        ("/api*", "/apis/apps", True),
        ("*", "/anything", True),
        ("/a/*/b", "/a/x/b", False),
    ],
)
def test_paths(pattern: str, path: str, covered: bool) -> None:
    """A star at the end of a path stands for any rest, elsewhere for itself."""
    given = {"verbs": ["get"], "nonResourceURLs": [pattern]}
    assert is_covered(given, Attributes(verb="get", path=path)) is covered


def test_a_rule_on_resources_covers_no_path() -> None:
    """All resources are not all paths."""
    assert not is_covered(rule("*", "*", groups="*"), Attributes(verb="get", path="/version"))
