"""Tokens of service accounts: signed here, believed nowhere else.

In form and claims the JWTs that a cluster issues, so that clients may look into them; signed by a
key that lives as long as the lab.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any

from netlab.access.users import (
    User,
    service_account,
    service_account_name,
)
from netlab.objects.obj import Obj
from netlab.objects.store import Store

AUDIENCE = "https://kubernetes.default.svc"
"""Whom a token is for where nothing else is asked: this API."""


class ServiceAccountTokens:
    """Issues tokens for the service accounts of a store and knows them again."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        """Look accounts up in a store; `clock` gives seconds since the epoch."""
        self._store = store
        self._clock = clock
        self._key = secrets.token_bytes(32)

    def issue(self, account: Obj, audiences: Sequence[str], lifetime_s: int) -> tuple[str, float]:
        """Return a token for a service account and the time at which it ends."""
        meta, begins = account["metadata"], int(self._clock())
        who = {"name": meta["name"], "uid": meta["uid"]}
        claims = {
            "iss": AUDIENCE,
            "sub": service_account_name(meta["namespace"], meta["name"]),
            "aud": list(audiences) or [AUDIENCE],
            "iat": begins,
            "nbf": begins,
            "exp": begins + lifetime_s,
            "jti": secrets.token_hex(16),
            "kubernetes.io": {"namespace": meta["namespace"], "serviceaccount": who},
        }
        signed = f"{_encoded_json({'alg': 'HS256', 'typ': 'JWT'})}.{_encoded_json(claims)}"
        return f"{signed}.{self._signature(signed)}", float(begins + lifetime_s)

    def user_of(self, token: str) -> User | None:
        """Return whose token it is, None for one that is not ours, for others, or out of date.

        A token ends with its account: the next one of the same name has another uid.
        """
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._signature(signed).encode(), signature.encode()):
            return None
        claims = _decoded_claims(signed)
        if AUDIENCE not in claims["aud"] or claims["exp"] <= self._clock():
            return None
        bound = claims["kubernetes.io"]
        namespace, who = bound["namespace"], bound["serviceaccount"]
        account = self._store.find("serviceaccounts", namespace, who["name"])
        if account is None or account["metadata"]["uid"] != who["uid"]:
            return None
        return service_account(namespace, who["name"], who["uid"])

    def _signature(self, signed: str) -> str:
        return _base64url(hmac.new(self._key, signed.encode(), hashlib.sha256).digest())


def _encoded_json(value: Any) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded_claims(signed: str) -> Any:
    text = signed.rpartition(".")[2]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
