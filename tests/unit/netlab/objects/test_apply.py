"""Server-side apply as a function."""

from typing import Any

from netlab.objects.applying import fields_of, server_side_apply


def service(*ports: dict[str, Any], **labels: str) -> dict[str, Any]:
    meta = {"name": "s", "namespace": "n", "labels": labels}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": [*ports]}}


HTTP = {"name": "http", "port": 80}
DNS_UDP = {"name": "dns", "port": 53, "protocol": "UDP"}
DNS_TCP = {"name": "dns-tcp", "port": 53, "protocol": "TCP"}


def applied(live: dict[str, Any], wanted: dict[str, Any], manager: str = "me") -> dict[str, Any]:
    return server_side_apply("services", live, wanted, manager, time="2026-01-01T00:00:00Z")


def test_a_first_apply_is_the_object_and_its_owner() -> None:
    """Nothing live: what is wanted, with the fields noted as the manager's."""
    made = applied({}, service(HTTP, a="1"))
    entry = made["metadata"]["managedFields"][0]
    assert made["spec"] == {"ports": [HTTP]}
    assert (entry["manager"], entry["operation"]) == ("me", "Apply")


def test_what_the_manager_leaves_out_goes() -> None:
    """A field that was applied before and is not any more is removed."""
    live = applied({}, service(HTTP, DNS_UDP, a="1", b="2"))
    again = applied(live, service(HTTP, a="1"))
    assert again["metadata"]["labels"] == {"a": "1"}
    assert again["spec"]["ports"] == [HTTP]


def test_what_another_manager_applied_stays() -> None:
    """A field with two owners lives until both leave it out."""
    live = applied(applied({}, service(HTTP, a="1")), service(HTTP, a="1"), "other")
    again = applied(live, service())
    assert again["metadata"]["labels"] == {"a": "1"}
    assert again["spec"]["ports"] == [HTTP]


def test_what_nobody_applied_stays() -> None:
    """Defaults and status are not the manager's to remove."""
    live = applied({}, service(HTTP))
    live["spec"]["clusterIP"] = "10.96.1.1"
    assert applied(live, service(HTTP))["spec"]["clusterIP"] == "10.96.1.1"


def test_ports_are_found_by_number_and_protocol() -> None:
    """53/UDP and 53/TCP are two ports."""
    live = applied({}, service(DNS_UDP, DNS_TCP))
    assert applied(live, service(DNS_UDP, DNS_TCP))["spec"]["ports"] == [DNS_UDP, DNS_TCP]


def test_applying_the_same_again_changes_nothing() -> None:
    """Not even the time in managedFields."""
    live = applied({}, service(HTTP))
    later = server_side_apply("services", live, service(HTTP), "me", time="2027-01-01T00:00:00Z")
    assert later == live


def test_fields_are_noted_in_the_form_of_fieldsv1() -> None:
    """Maps are f:, items of keyed lists k:, atomic lists end there."""
    noted = fields_of("services", {"spec": {"ports": [HTTP], "ipFamilies": ["IPv4"]}})
    key = 'k:{"port":80,"protocol":"TCP"}'
    port: dict[str, Any] = {".": {}, "f:name": {}, "f:port": {}}
    assert noted == {"f:spec": {"f:ports": {key: port}, "f:ipFamilies": {}}}


def test_the_rules_of_a_policy_are_one_field() -> None:
    """Lists without keys are owned as a whole."""
    policy = {"spec": {"ingress": [{"ports": [{"port": 80}]}]}}
    assert fields_of("networkpolicies", policy) == {"f:spec": {"f:ingress": {}}}
