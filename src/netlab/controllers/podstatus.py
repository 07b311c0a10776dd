"""A pod's status from what is known of its containers. Pure.

Must not know: how any of it was found out. Words and rules: the API's PodStatus.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from netlab.objects.obj import ENDED, Obj


@dataclass(slots=True)
class ContainerState:
    """What is known of one container; `state` and `last_state` are as the API has them."""

    name: str
    image: str
    state: Obj = field(default_factory=lambda: waiting("ContainerCreating"))
    last_state: Obj = field(default_factory=dict)
    container_id: str = ""
    restarts: int = 0
    has_started: bool = False
    passed_probe: bool = False

    @property
    def is_running(self) -> bool:
        return "running" in self.state

    @property
    def exit_code(self) -> int | None:
        """The exit status of a container that has ended and stays so."""
        ended = self.state.get("terminated")
        return None if ended is None else int(ended["exitCode"])

    def as_json(self, *, ready: bool) -> Obj:
        """Return the entry of containerStatuses."""
        return {
            "name": self.name,
            "image": self.image,
            "imageID": "",
            "containerID": self.container_id,
            "state": self.state,
            "lastState": self.last_state,
            "ready": ready,
            "started": self.is_running and self.has_started,
            "restartCount": self.restarts,
        }


@dataclass(slots=True)
class PodState:
    """What is known of a pod that has a node."""

    start_time: str
    host_ips: Sequence[str]
    ips: Sequence[str] = ()
    init: Sequence[ContainerState] = ()
    main: Sequence[ContainerState] = ()
    ephemeral: list[ContainerState] = field(default_factory=list)
    restart_policy: str = "Always"


def waiting(reason: str, message: str = "") -> Obj:
    """Return the state of a container that does not run yet or not now."""
    return {"waiting": {"reason": reason, **({"message": message} if message else {})}}


def running(since: str) -> Obj:
    return {"running": {"startedAt": since}}


def terminated(code: int, *, started: str, finished: str, container_id: str) -> Obj:
    """Return the state of a container that ended with an exit status."""
    ended: Obj = {
        "exitCode": code,
        "reason": "Completed" if code == 0 else "Error",
        "startedAt": started,
        "finishedAt": finished,
        "containerID": container_id,
    }
    if code > 128:
        ended["signal"] = code - 128
    return {"terminated": ended}


def status_of(state: PodState, previous: Obj, now: str) -> Obj:
    """Build the status; conditions that did not change keep their time of transition."""
    initialized = all(c.exit_code == 0 for c in state.init)
    ready = [c.name for c in state.main if c.is_running and c.passed_probe]
    unready = [c.name for c in state.main if c.name not in ready]
    phase = phase_of(state)
    conditions = [
        ("PodReadyToStartContainers", bool(state.ips), "", ""),
        ("Initialized", initialized, "ContainersNotInitialized", _incomplete(state.init)),
        *_readiness(phase, unready),
        ("PodScheduled", True, "", ""),
    ]
    status: Obj = {
        "phase": phase,
        "conditions": _conditions(conditions, previous.get("conditions") or [], now),
        "hostIP": state.host_ips[0],
        "hostIPs": [{"ip": ip} for ip in state.host_ips],
        "startTime": state.start_time,
        "qosClass": "BestEffort",
        "containerStatuses": [c.as_json(ready=c.name in ready) for c in state.main],
    }
    if state.ips:
        status["podIP"] = state.ips[0]
        status["podIPs"] = [{"ip": ip} for ip in state.ips]
    if state.init:
        entries = [c.as_json(ready=c.exit_code == 0) for c in state.init]
        status["initContainerStatuses"] = entries
    if state.ephemeral:
        entries = [c.as_json(ready=False) for c in state.ephemeral]
        status["ephemeralContainerStatuses"] = entries
    return status


def phase_of(state: PodState) -> str:
    """Return the phase, as the API defines it."""
    never = state.restart_policy == "Never"
    if never and any(c.exit_code not in {None, 0} for c in state.init):
        return "Failed"
    codes = [c.exit_code for c in state.main]
    if state.main and all(code is not None for code in codes):
        return "Succeeded" if not any(codes) else "Failed"
    if any(c.is_running or c.restarts or c.exit_code is not None for c in state.main):
        return "Running"
    return "Pending"


def scheduled(previous: Obj, now: str) -> Obj:
    """Build the status of a pod that was just given a node."""
    conditions = _conditions(
        [("PodScheduled", True, "", "")], previous.get("conditions") or [], now
    )
    return {"phase": "Pending", "conditions": conditions, "qosClass": "BestEffort"}


def unscheduled(message: str, previous: Obj, now: str) -> Obj:
    """Build the status of a pod that no node takes."""
    unmet = [("PodScheduled", False, "Unschedulable", message)]
    conditions = _conditions(unmet, previous.get("conditions") or [], now)
    return {"phase": "Pending", "conditions": conditions, "qosClass": "BestEffort"}


def _incomplete(init: Sequence[ContainerState]) -> str:
    names = " ".join(c.name for c in init if c.exit_code != 0)
    return f"containers with incomplete status: [{names}]"


def _readiness(phase: str, unready: Sequence[str]) -> list[tuple[str, bool, str, str]]:
    reason, message = "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]"
    if phase in ENDED:
        reason, message = ("PodCompleted" if phase == "Succeeded" else "PodFailed"), ""
    return [(kind, not unready, reason, message) for kind in ("Ready", "ContainersReady")]


def _conditions(
    claims: Sequence[tuple[str, bool, str, str]], previous: Sequence[Obj], now: str
) -> list[Obj]:
    """Make conditions; reason and message are said of those that are false."""
    before = {c["type"]: c for c in previous}
    conditions = []
    for kind, holds, reason, message in claims:
        entry = {"type": kind, "status": "True" if holds else "False", "lastProbeTime": None}
        reasons = {"reason": reason, "message": message}
        entry.update({key: value for key, value in reasons.items() if value and not holds})
        old = before.get(kind, {})
        same = old.get("status") == entry["status"]
        entry["lastTransitionTime"] = old["lastTransitionTime"] if same else now
        conditions.append(entry)
    return conditions
