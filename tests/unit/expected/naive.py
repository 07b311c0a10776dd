"""A second opinion: NetworkPolicy v1 evaluated from raw YAML, as slowly and plainly as it reads.

Two rules for this file: it imports nothing of `netproof.policy` and `netproof.expected`, and it
follows the sentences of the API's documentation one by one, with no regard for speed. Pods,
Services and hosts are dicts as `generate.py` makes them.
"""

from __future__ import annotations

import ipaddress
from typing import Any

Raw = dict[str, Any]

ALLOWED, DENIED, UNDEFINED = "allowed", "denied", "undefined"


def answer(flow: Raw, world: Raw, policies: list[Raw]) -> str:
    """Say `allowed`, `denied` or `undefined` of a flow."""
    if flow["path"] in ("pod-ip", "host-ip"):
        return _end_to_end(flow["source"], flow["destination"], flow["port"], flow, world, policies)
    return _service(flow, world, policies)


def _service(flow: Raw, world: Raw, policies: list[Raw]) -> str:
    service = flow["destination"]
    if not service["selector"]:
        return UNDEFINED
    answers = set()
    for pod in world["pods"]:
        if pod["namespace"] != service["namespace"]:
            continue
        if any(pod["labels"].get(k) != v for k, v in service["selector"].items()):
            continue
        target = service["targetPort"]
        if isinstance(target, str):
            numbers = [
                p["number"]
                for p in pod["ports"]
                if p["name"] == target and p["protocol"] == flow["protocol"]
            ]
            if not numbers:
                continue
            target = numbers[0]
        if pod is flow["source"]:
            answers.add(UNDEFINED)
        elif flow["path"] == "node-port":
            answers.add(_node_port(flow, pod, target, world, policies))
        else:
            answers.add(_end_to_end(flow["source"], pod, target, flow, world, policies))
    if not answers:
        return DENIED
    return answers.pop() if len(answers) == 1 else UNDEFINED


def _node_port(flow: Raw, pod: Raw, target: int, world: Raw, policies: list[Raw]) -> str:
    """To a node of which we do not know which one; the source may be hidden behind it."""
    source = flow["source"]
    out = ALLOWED
    if source["is"] == "pod":
        after = _one_side("Egress", source, pod, target, flow, world, policies)
        all_out = _open_to_all("Egress", source, None, flow["port"], flow, policies)
        before = ALLOWED if all_out else UNDEFINED
        out = after if after == before else UNDEFINED
    into = _open_to_all("Ingress", pod, pod, target, flow, policies)
    return _together([out, ALLOWED if into else UNDEFINED])


def _end_to_end(
    source: Raw, destination: Raw, port: int, flow: Raw, world: Raw, policies: list[Raw]
) -> str:
    sides = []
    if source["is"] == "pod":
        sides.append(_one_side("Egress", source, destination, port, flow, world, policies))
    if destination["is"] == "pod":
        sides.append(_one_side("Ingress", destination, source, port, flow, world, policies))
    return _together(sides)


def _together(sides: list[str]) -> str:
    if DENIED in sides:
        return DENIED
    if UNDEFINED in sides:
        return UNDEFINED
    return ALLOWED


def _open_to_all(
    direction: str, pod: Raw, server: Raw | None, port: int, flow: Raw, policies: list[Raw]
) -> bool:
    """Tell whether no policy isolates the pod, or a rule without peers has the port."""
    isolating = [p for p in policies if _isolates(p, direction, pod)]
    if not isolating:
        return True
    return any(
        not _peers(rule, direction) and _port_fits(rule, port, flow["protocol"], server)
        for policy in isolating
        for rule in _rules(policy, direction)
    )


def _one_side(
    direction: str,
    pod: Raw,
    other: Raw,
    port: int,
    flow: Raw,
    world: Raw,
    policies: list[Raw],
) -> str:
    server = pod if direction == "Ingress" else other
    if _open_to_all(direction, pod, server, port, flow, policies):
        return ALLOWED
    if _not_for_policies(pod, other):
        return UNDEFINED
    fitting = [
        (policy, peer)
        for policy in policies
        if _isolates(policy, direction, pod)
        for rule in _rules(policy, direction)
        if _port_fits(rule, port, flow["protocol"], server)
        for peer in _peers(rule, direction)
    ]
    if other["is"] == "node" and direction == "Ingress":
        # The node may come from any of its addresses, so a block may or may not be about it.
        blocks = any("ipBlock" in peer for _, peer in fitting)
        anybody = any(_selects_anybody(peer) for _, peer in fitting)
        return UNDEFINED if blocks or anybody else DENIED
    for policy, peer in fitting:
        if _peer_fits(peer, policy, other, flow["family"], world):
            return ALLOWED
    if other["is"] == "node" and any(_selects_anybody(peer) for _, peer in fitting):
        # A node's own pods use its address, and nothing is known of their labels.
        return UNDEFINED
    return DENIED


def _selects_anybody(peer: Raw) -> bool:
    """Tell whether a pod with no labels would do, in a namespace with none but some name."""
    if "namespaceSelector" not in peer:
        return False
    space = {"kubernetes.io/metadata.name": "nobody knows"}
    return _selected(peer["namespaceSelector"] or {}, space) and _selected(
        peer.get("podSelector") or {}, {}
    )


def _not_for_policies(pod: Raw, other: Raw) -> bool:
    """Tell whether this is hostNetwork, a pod with itself, or a pod with its own node."""
    if pod["hostNetwork"] or other is pod:
        return True
    if other["is"] == "pod":
        return bool(other["hostNetwork"])
    return bool(other["is"] == "node" and other["name"] == pod["node"])


def _isolates(policy: Raw, direction: str, pod: Raw) -> bool:
    spec = policy["spec"]
    types = spec.get("policyTypes")
    if not types:
        types = ["Ingress"]
        if len(spec.get("egress") or []) > 0:
            types = ["Ingress", "Egress"]
    return (
        direction in types
        and policy["metadata"]["namespace"] == pod["namespace"]
        and _selected(spec.get("podSelector") or {}, pod["labels"])
    )


def _rules(policy: Raw, direction: str) -> list[Raw]:
    return policy["spec"].get(direction.lower()) or []


def _peers(rule: Raw, direction: str) -> list[Raw]:
    return rule.get("from" if direction == "Ingress" else "to") or []


def _selected(selector: Raw, labels: dict[str, str]) -> bool:
    for key, value in (selector.get("matchLabels") or {}).items():
        if key not in labels or labels[key] != value:
            return False
    for term in selector.get("matchExpressions") or []:
        has = term["key"] in labels
        among = has and labels[term["key"]] in (term.get("values") or [])
        fits = {
            "In": among,
            "NotIn": not among,
            "Exists": has,
            "DoesNotExist": not has,
        }[term["operator"]]
        if not fits:
            return False
    return True


def _peer_fits(peer: Raw, policy: Raw, other: Raw, family: str, world: Raw) -> bool:
    if "ipBlock" in peer:
        return _in_block(peer["ipBlock"], other["ips"][family])
    if other["is"] != "pod":
        return False
    if peer.get("namespaceSelector") is None:
        if other["namespace"] != policy["metadata"]["namespace"]:
            return False
    else:
        labels = dict(world["namespaces"][other["namespace"]])
        labels["kubernetes.io/metadata.name"] = other["namespace"]
        if not _selected(peer["namespaceSelector"], labels):
            return False
    pod_selector = peer.get("podSelector")
    return pod_selector is None or _selected(pod_selector, other["labels"])


def _in_block(block: Raw, address: str) -> bool:
    def inside(cidr: str) -> bool:
        base, length = cidr.split("/")
        if (":" in base) != (":" in address):
            return False
        width = 128 if ":" in base else 32
        shift = width - int(length)
        return int(ipaddress.ip_address(base)) >> shift == (
            int(ipaddress.ip_address(address)) >> shift
        )

    return inside(block["cidr"]) and not any(inside(cut) for cut in block.get("except") or [])


def _port_fits(rule: Raw, port: int, protocol: str, server: Raw | None) -> bool:
    entries = rule.get("ports") or []
    if not entries:
        return True
    for entry in entries:
        if (entry.get("protocol") or "TCP") == protocol and _number_fits(
            entry, port, protocol, server
        ):
            return True
    return False


def _number_fits(entry: Raw, port: int, protocol: str, server: Raw | None) -> bool:
    wanted = entry.get("port")
    if wanted is None:
        return True
    if isinstance(wanted, str):
        if server is None or server["is"] != "pod":
            return False  # only pods have named ports
        return {"number": port, "protocol": protocol, "name": wanted} in server["ports"]
    last = wanted if entry.get("endPort") is None else entry["endPort"]
    return bool(wanted <= port <= last)
