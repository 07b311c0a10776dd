"""A look where agents do not answer."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, cast

import pytest

from netproof.errors import ClusterGoneError
from netproof.model.flow import Endpoint, Flow, Observation, Outcome
from netproof.model.workload import Pod, Topology
from netproof.probe.runner import Prober
from netproof.run.observer import Observer

WEB, API = Pod("shop", "web", ips=("10.0.0.1",)), Pod("shop", "api", ips=("10.0.0.2",))
TOPOLOGY = Topology(pods=(WEB, API))
FLOW = Flow(Endpoint.pod(WEB.key), Endpoint.pod(API.key), 80)
OPEN = Observation(Outcome.CONNECTED)
SILENT = Observation(Outcome.ERROR, "the agent of shop/web did not answer in time")


class Agents:
    """Shows one thing a look, the last of them for ever."""

    def __init__(self, *looks: Observation) -> None:
        self._looks = list(looks)

    def probe(self, flows: Collection[Flow], **_: Any) -> Mapping[Flow, Observation]:
        now = self._looks.pop(0) if self._looks[1:] else self._looks[0]
        return dict.fromkeys(flows, now)

    def learn(self, observations: Iterable[Observation]) -> None:
        """Nothing depends on it here."""


class ApiServer:
    """Counts who waits for it, and stays away or not."""

    def __init__(self, *, gone: bool = False) -> None:
        self.waited_for, self._gone = 0, gone

    def wait_back(self) -> None:
        self.waited_for += 1
        if self._gone:
            raise ClusterGoneError("the API server has not answered for 60 s")


def _outcome(agents: Agents, server: ApiServer) -> str:
    observer = Observer(cast("Prober", agents), 0.5, server.wait_back)
    step = observer.look("baseline", (), [FLOW], TOPOLOGY)
    return str(step.record.verdict)


def test_agents_that_answer_need_no_question() -> None:
    """The API server is not asked where every probe was made."""
    server = ApiServer()
    assert "PASS" == _outcome(Agents(OPEN), server)
    assert 0 == server.waited_for


def test_a_way_that_hung_is_waited_for() -> None:
    """Silent agents may mean that the API server is: it is waited for, and the look goes on."""
    server = ApiServer()
    assert "PASS" == _outcome(Agents(SILENT, OPEN), server)
    assert 1 == server.waited_for


def test_a_cluster_that_is_gone_ends_the_look() -> None:
    """Requests through an API server that hangs say nothing; nobody waits for one that is gone."""
    with pytest.raises(ClusterGoneError):
        _outcome(Agents(SILENT), ApiServer(gone=True))
