"""Who sent a request: the administrator's token, or one of a service account."""

from __future__ import annotations

import hmac

from netlab.apiserver import errors
from netlab.apiserver.access.headers import Headers
from netlab.apiserver.access.identity import ADMIN, User
from netlab.apiserver.access.tokens import Tokens


class Authenticator:
    """Knows users by their bearer tokens; anonymous requests are refused."""

    def __init__(self, admin_token: str, tokens: Tokens) -> None:
        """Take the administrator's token; ValueError for an empty one, which lets everybody in."""
        if not admin_token:
            raise ValueError("the API server needs a token")
        self._expected = admin_token.encode()
        self._tokens = tokens

    def authenticate(self, headers: Headers) -> User:
        """Return who sent a request with these headers; raise ApiError (Unauthorized)."""
        scheme, _, text = headers.get("Authorization", "").partition(" ")
        token = text.strip()
        if scheme.lower() != "bearer":
            raise errors.unauthorized()
        # Compared in constant time: the port is open to every process of the machine.
        if hmac.compare_digest(token.encode(errors="surrogateescape"), self._expected):
            return ADMIN
        user = self._tokens.user_of(token) if token.isascii() else None
        if user is None:
            raise errors.unauthorized()
        return user
