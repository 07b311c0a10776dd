"""Who somebody is: tokens, impersonation, and the gate that asks for both."""

from typing import Any

import pytest
from multidict import CIMultiDict

from netlab.access.authentication import Authenticator, impersonation_of
from netlab.access.authorization import RbacAuthorizer
from netlab.access.gates import AccessGate
from netlab.access.tokens import ServiceAccountTokens
from netlab.access.users import User, service_account
from netlab.http.routes import attributes_of, route
from netlab.objects.apierrors import ApiError
from netlab.objects.kinds import BY_PLURAL
from netlab.objects.registry import Registry
from tests.unit.netlab.access.clusters import ANN, add_role, asked, bind, cluster, rule, user

NOW = 1_000_000.0
ADMINS = "secret"


@pytest.fixture
def registry() -> Registry:
    """Return a registry with the service account ci in the namespace shop."""
    made = cluster()
    made.create(BY_PLURAL["serviceaccounts"], "shop", {"metadata": {"name": "ci"}})
    return made


def account(registry: Registry) -> dict[str, Any]:
    return registry.store.get("serviceaccounts", "shop", "ci")


def gate(
    registry: Registry, tokens: ServiceAccountTokens, *, get_opens_streams: bool = False
) -> AccessGate:
    authenticator = Authenticator(ADMINS, tokens)
    return AccessGate(
        authenticator, RbacAuthorizer(registry.store), get_opens_streams=get_opens_streams
    )


def headers(token: str = "", *more: tuple[str, str]) -> CIMultiDict[str]:
    """Return headers with a token, the administrator's where none is given."""
    return CIMultiDict([("Authorization", f"Bearer {token or ADMINS}"), *more])


def code_of(registry: Registry, given: CIMultiDict[str]) -> int:
    with pytest.raises(ApiError) as caught:
        gate(registry, ServiceAccountTokens(registry.store)).identify(given)
    return caught.value.code


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Basic secret",
        "secret",
        "Bearer sécret",
        "Bearer a.b.c",
    ],
)
def test_without_the_token_nobody_is_known(registry: Registry, header: str) -> None:
    """Every other header is a 401."""
    assert code_of(registry, CIMultiDict({"Authorization": header})) == 401


def test_the_token_is_the_admins(registry: Registry) -> None:
    """With it one is the administrator."""
    found = gate(registry, ServiceAccountTokens(registry.store)).identify(headers())
    assert ("kubernetes-admin", True) == (found.name, "system:masters" in found.groups)


def test_an_empty_token_is_no_token(registry: Registry) -> None:
    """A server that everybody could enter does not start."""
    with pytest.raises(ValueError, match="needs a token"):
        Authenticator("", ServiceAccountTokens(registry.store))


def test_a_service_accounts_token(registry: Registry) -> None:
    """Its bearer is the service account, with its groups and its uid."""
    tokens = ServiceAccountTokens(registry.store)
    token, _ = tokens.issue(account(registry), (), 600)
    expected = service_account("shop", "ci", account(registry)["metadata"]["uid"])
    assert expected == gate(registry, tokens).identify(headers(token))


def test_a_token_ends(registry: Registry) -> None:
    """At the time it says."""
    times = [NOW]
    tokens = ServiceAccountTokens(registry.store, clock=lambda: times[0])
    token, ends = tokens.issue(account(registry), (), 600)
    assert NOW + 600 == ends
    times[0] = ends - 1
    assert tokens.user_of(token)
    times[0] = ends
    assert tokens.user_of(token) is None


def test_a_token_ends_with_its_account(registry: Registry) -> None:
    """The next account of that name is another."""
    tokens = ServiceAccountTokens(registry.store)
    token, _ = tokens.issue(account(registry), (), 600)
    registry.delete(BY_PLURAL["serviceaccounts"], "shop", "ci")
    assert tokens.user_of(token) is None
    registry.create(BY_PLURAL["serviceaccounts"], "shop", {"metadata": {"name": "ci"}})
    assert tokens.user_of(token) is None


def test_a_token_for_others_is_none_here(registry: Registry) -> None:
    """One that was asked for with another audience."""
    tokens = ServiceAccountTokens(registry.store)
    token, _ = tokens.issue(account(registry), ("vault",), 600)
    assert tokens.user_of(token) is None


def test_a_token_of_another_lab_is_none_here(registry: Registry) -> None:
    """Each lab signs with a key of its own."""
    token, _ = ServiceAccountTokens(registry.store).issue(account(registry), (), 600)
    assert ServiceAccountTokens(registry.store).user_of(token) is None


def test_the_admin_may_be_anybody(registry: Registry) -> None:
    """A user, with groups and the one that everybody is in."""
    given = headers(
        "",
        ("Impersonate-User", "ann"),
        ("Impersonate-Group", "a"),
        ("Impersonate-Group", "b,c"),
        ("Impersonate-Uid", "7"),
    )
    expected = User("ann", ("a", "b,c", "system:authenticated"), "7")
    assert expected == gate(registry, ServiceAccountTokens(registry.store)).identify(given)


def test_an_impersonated_service_account_has_its_groups(registry: Registry) -> None:
    """Those of its namespace."""
    given = headers("", ("Impersonate-User", "system:serviceaccount:shop:ci"))
    found = gate(registry, ServiceAccountTokens(registry.store)).identify(given)
    assert service_account("shop", "ci") == found


@pytest.mark.parametrize("header", ["Group", "Uid", "Extra-scopes"])
def test_half_a_wish_is_none(header: str, registry: Registry) -> None:
    """Whatever is asked for without a user is a bad request, as in the API server since 1.35."""
    assert 400 == code_of(registry, headers("", (f"Impersonate-{header}", "a")))


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("Impersonate-Extra-Scopes", "scopes"),
        (
            "Impersonate-Extra-example.com%2Fescaped%e1%9b%84scopes",
            "example.com/escaped\u16c4scopes",
        ),
        ("Impersonate-Extra-almost%zzpercent%41", "almost%zzpercent%41"),
    ],
)
def test_keys_of_extras_may_be_escaped(header: str, key: str) -> None:
    """As a whole or not at all (upstream's table: percent-escaped, almost-percent-escaped)."""
    wish = impersonation_of(headers("", ("Impersonate-User", "ann"), (header, "a")))
    assert wish is not None
    assert ((key, "a"),) == wish.extra


@pytest.mark.parametrize(
    ("granted", "wish", "allowed"),
    [
        ("users", (("Impersonate-User", "ann"),), True),
        ("users", (("Impersonate-User", "ann"), ("Impersonate-Group", "g")), False),
        ("users groups", (("Impersonate-User", "ann"), ("Impersonate-Group", "g")), True),
        ("users", (("Impersonate-User", "system:serviceaccount:shop:x"),), False),
        ("serviceaccounts", (("Impersonate-User", "system:serviceaccount:shop:x"),), True),
        ("serviceaccounts", (("Impersonate-User", "ann"),), False),
    ],
)
def test_impersonation_is_a_right(
    registry: Registry, granted: str, wish: tuple[tuple[str, str], ...], allowed: bool
) -> None:
    """Each part of the wish needs the verb impersonate on its kind."""
    tokens = ServiceAccountTokens(registry.store)
    token, _ = tokens.issue(account(registry), (), 600)
    add_role(registry, "actor", rule("impersonate", granted))
    bind(registry, "actor", {"kind": "ServiceAccount", "name": "ci", "namespace": "shop"})
    door = gate(registry, tokens)
    if allowed:
        assert wish[0][1] == door.identify(headers(token, *wish)).name
        return
    with pytest.raises(ApiError, match="cannot impersonate resource"):
        door.identify(headers(token, *wish))


@pytest.mark.parametrize("door", ["attach", "exec", "portforward"])
@pytest.mark.parametrize(
    ("verbs", "verb", "old_rule", "allowed"),
    [
        ("get", "get", False, False),
        ("get", "get", True, True),
        ("create", "create", False, True),
        ("create", "get", False, False),
        ("get create", "get", False, True),
        ("get", "create", True, False),
    ],
)
def test_streams_need_create(
    registry: Registry, door: str, verbs: str, verb: str, old_rule: bool, allowed: bool
) -> None:
    """The verb get, which a WebSocket asks for, opens none alone, except by the rule of old."""
    add_role(registry, "r", rule(verbs, f"pods/{door}"))
    bind(registry, "r", user())
    guard = gate(registry, ServiceAccountTokens(registry.store), get_opens_streams=old_rule)
    if allowed:
        guard.admit(ANN, asked(f"{verb} pods/{door}"))
        return
    with pytest.raises(ApiError, match=f'cannot (get|create) resource "pods/{door}"'):
        guard.admit(ANN, asked(f"{verb} pods/{door}"))


@pytest.mark.parametrize(
    ("method", "path", "query", "expected"),
    [
        ("GET", "/api/v1/namespaces/shop", {}, asked("get namespaces", "shop", name="shop")),
        (
            "GET",
            "/api/v1/namespaces/shop/pods",
            {"fieldSelector": "metadata.name=web"},
            asked("list pods", "shop", name="web"),
        ),
        (
            "GET",
            "/api/v1/namespaces/shop/services/http:web:80/proxy/x",
            {},
            asked("get services/proxy", "shop", name="http:web:80"),
        ),
        ("POST", "/api/v1/namespaces/shop/pods", {}, asked("create pods", "shop")),
    ],
)
def test_attributes(method: str, path: str, query: dict[str, str], expected: Any) -> None:
    """A request's attributes are those that the API server would take."""
    assert expected == attributes_of(route(method, path, query), method, path, query)
