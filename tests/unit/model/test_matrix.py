"""A matrix is complete, or an error."""

import pytest

from netproof.errors import HarnessBug
from netproof.model.flow import Endpoint, Flow
from netproof.model.matrix import Matrix

A = Flow(Endpoint.pod("x/a"), Endpoint.pod("x/b"), 80)
B = Flow(Endpoint.pod("x/b"), Endpoint.pod("x/a"), 80)


def test_a_matrix_keeps_the_order_of_its_flows() -> None:
    """Reports depend on the order, and cells may come in any."""
    assert [A, B] == list(Matrix([A, B], {B: 2, A: 1}))


def test_a_matrix_that_lacks_a_flow_is_our_bug() -> None:
    """A flow that nobody looked at must not pass as anything."""
    with pytest.raises(HarnessBug, match="lacks 1 flows, the first is x/b -> x/a:80/TCP IPv4"):
        Matrix([A, B], {A: 1})
