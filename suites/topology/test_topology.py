"""Where pods run makes no difference: on one node and from node to node."""

import pytest

from netproof.fixtures.policies import Enforce
from netproof.model import flows

pytestmark = pytest.mark.usefixtures("enforcing")


def test_same_node(enforce: Enforce) -> None:
    """What is denied between neighbours on a node is denied, what is allowed passes."""
    enforce(
        "web-only",
        flows=flows.same_node,
        name="same-node",
    )


@pytest.mark.usefixtures("several_nodes")
def test_cross_node(enforce: Enforce) -> None:
    """The same from node to node."""
    enforce(
        "web-only",
        flows=flows.cross_node,
        name="cross-node",
    )
