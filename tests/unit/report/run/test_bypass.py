"""The ways around policies, in every report."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources

import jsonschema
import pytest

from netproof.model import codec
from netproof.model.doors import Door, DoorResult, DoorState, Grant
from netproof.model.record import RunRecord
from netproof.model.value import replace
from netproof.report.run import bypass, markdown, page, terminal
from tests.unit.report.sample import ALL_PASS, EVERYTHING

POD = "production/postgres"
OPEN, CLOSED, UNDETERMINED = DoorState.OPEN, DoorState.CLOSED, DoorState.UNDETERMINED

RESULTS = (
    DoorResult(
        Door.PORT_FORWARD_POD, POD, OPEN, identity=POD, control=OPEN, evidence="seen as 127.0.0.1"
    ),
    DoorResult(
        Door.PORT_FORWARD_POD, POD, CLOSED, control=CLOSED, evidence="no <b> (403)", user="a guest"
    ),
    DoorResult(Door.POD_PROXY, POD, CLOSED, by="to a pod on node-2", control=OPEN, evidence="504"),
    DoorResult(Door.NODE_PORT, POD, UNDETERMINED, evidence="no | answer"),
)
KEYS = (
    Grant(
        "pods/portforward",
        ("create", "get"),
        "Group devs",
        "RoleBinding shop/devs",
        "ClusterRole edit",
        "* on *",
        "shop",
        ("web",),
        "debugging",
    ),
    Grant(
        "pods/portforward",
        ("create", "get"),
        "User alice",
        "RoleBinding shop/devs",
        "ClusterRole edit",
        "* on *",
        "shop",
        ("web",),
        "debugging",
    ),
    Grant("nodes/proxy", ("get",), "Group ops", "ClusterRoleBinding ops", "ClusterRole ops", "-"),
)
RUN = replace(ALL_PASS, doors=RESULTS, keys=KEYS)

Render = Callable[[RunRecord], str]
REPORTS = pytest.mark.parametrize(
    "render", [terminal.render, markdown.render, page.render], ids=["terminal", "markdown", "html"]
)


@REPORTS
def test_every_report_has_the_section(render: Render) -> None:
    """Doors, who answered, what guards each, what to do instead, who has the key, in words."""
    text = " ".join(render(RUN).split()).replace("\\", "")
    for told in (
        bypass.TITLE,
        "port-forward to the pod",
        "by a guest",
        "to a pod on node-2",
        "guarded by",
        "grant it for an hour",
        (
            "Group devs, User alice: create/get pods/portforward named web in shop "
            "(ClusterRole edit, from debugging)"
        ),
        "Group ops: get nodes/proxy everywhere (ClusterRole ops)",
        "1 of 3 doors are open in one way or more, 1 could not be told in every way.",
    ):
        assert told in text


@REPORTS
def test_without_doors_there_is_no_section(render: Render) -> None:
    """A run of other suites does not speak of them."""
    assert bypass.TITLE not in render(EVERYTHING)


def test_text_from_a_cluster_is_no_markup() -> None:
    """Evidence is escaped like everything else."""
    assert "no &lt;b&gt; (403)" in page.render(RUN)


def test_the_record_keeps_all_of_it_and_follows_its_schema() -> None:
    """Doors and keys survive the trip through JSON."""
    text = codec.dumps(RUN)
    schema = resources.files("netproof.model").joinpath("run.schema.json").read_text()
    jsonschema.Draft202012Validator(json.loads(schema)).validate(json.loads(text))
    assert RUN == codec.loads(text)
