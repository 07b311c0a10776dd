"""NetworkPolicy v1 for one packet at a time, straight from the objects.

Slow and plain on purpose, and without a line of the dataplane's: it has to be wrong in other ways.
"""

from ipaddress import ip_address, ip_network
from typing import Any

Obj = dict[str, Any]


class Oracle:
    """Answers for the objects of one moment."""

    def __init__(self, objects: dict[str, list[Obj]]) -> None:
        self._policies = objects["policies"]
        self._namespaces = {n["metadata"]["name"]: n for n in objects["namespaces"]}
        self._pod_by_ip = {
            entry["ip"]: pod for pod in objects["pods"] for entry in pod["status"]["podIPs"]
        }

    def allows(self, source: str, destination: str, port: int, protocol: str) -> bool:
        """Tell whether a new connection from address to address may pass."""
        return self._direction("Egress", source, destination, port, protocol) and self._direction(
            "Ingress", source, destination, port, protocol
        )

    def _direction(
        self, direction: str, source: str, destination: str, port: int, protocol: str
    ) -> bool:
        own, other = (source, destination) if direction == "Egress" else (destination, source)
        pod = self._pod_by_ip.get(own)
        if pod is None:
            return True
        isolating = [
            policy
            for policy in self._policies
            if policy["metadata"]["namespace"] == pod["metadata"]["namespace"]
            and _selected(policy["spec"]["podSelector"], pod["metadata"]["labels"])
            and direction in policy["spec"]["policyTypes"]
        ]
        if not isolating:
            return True
        target = self._pod_by_ip.get(destination)
        rules, peers = ("egress", "to") if direction == "Egress" else ("ingress", "from")
        for policy in isolating:
            home = policy["metadata"]["namespace"]
            for rule in policy["spec"].get(rules) or []:
                if self._is_peer(rule.get(peers), home, other) and _is_port(
                    rule.get("ports"), target, port, protocol
                ):
                    return True
        return False

    def _is_peer(self, peers: list[Obj] | None, home: str, ip: str) -> bool:
        if not peers:
            return True
        return any(self._is_this_peer(peer, home, ip) for peer in peers)

    def _is_this_peer(self, peer: Obj, home: str, ip: str) -> bool:
        if "ipBlock" in peer:
            return _in(ip, peer["ipBlock"]["cidr"]) and not any(
                _in(ip, hole) for hole in peer["ipBlock"].get("except", [])
            )
        pod = self._pod_by_ip.get(ip)
        if pod is None:
            return False
        where = pod["metadata"]["namespace"]
        if "namespaceSelector" in peer:
            labels = self._namespaces[where]["metadata"]["labels"]
            if not _selected(peer["namespaceSelector"], labels):
                return False
        elif where != home:
            return False
        return "podSelector" not in peer or _selected(
            peer["podSelector"], pod["metadata"]["labels"]
        )


def _in(ip: str, cidr: str) -> bool:
    network = ip_network(cidr, strict=False)
    return ip_address(ip).version == network.version and ip_address(ip) in network


def _is_port(ports: list[Obj] | None, target: Obj | None, port: int, protocol: str) -> bool:
    if not ports:
        return True
    for entry in ports:
        if entry.get("protocol", "TCP") != protocol:
            continue
        wanted = entry.get("port")
        if wanted is None:
            return True
        if isinstance(wanted, int):
            if wanted <= port <= entry.get("endPort", wanted):
                return True
        elif target is not None:
            for declared in target["spec"]["containers"][0]["ports"]:
                if (declared["name"], declared["protocol"]) == (wanted, protocol) and (
                    declared["containerPort"] == port
                ):
                    return True
    return False


def _selected(selector: Obj, labels: dict[str, str]) -> bool:
    for key, value in selector.get("matchLabels", {}).items():
        if key not in labels or labels[key] != value:
            return False
    for term in selector.get("matchExpressions", []):
        value = labels.get(term["key"])
        met = {
            "In": value is not None and value in term.get("values", []),
            "NotIn": value is None or value not in term.get("values", []),
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }[term["operator"]]
        if not met:
            return False
    return True
