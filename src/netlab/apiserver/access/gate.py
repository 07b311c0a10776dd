"""The gate that every request passes: who it is, and whether they may."""

from __future__ import annotations

from dataclasses import replace

from netlab.apiserver.access import impersonation
from netlab.apiserver.access.attributes import Attributes, refusal
from netlab.apiserver.access.authentication import Authenticator
from netlab.apiserver.access.headers import Headers
from netlab.apiserver.access.identity import User
from netlab.apiserver.access.rbac import Authorizer
from netlab.apiserver.routes import STREAMS


class Gate:
    """Authentication, impersonation and authorization in one."""

    def __init__(
        self, authenticator: Authenticator, authorizer: Authorizer, *, get_opens_streams: bool
    ) -> None:
        """Know who may what.

        `get_opens_streams` leaves out the second check of `admit`, as servers before 1.35 do.
        """
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._get_opens_streams = get_opens_streams

    def identify(self, headers: Headers) -> User:
        """Return as whom a request acts; raise ApiError (Unauthorized, Forbidden)."""
        user = self._authenticator.authenticate(headers)
        wish = impersonation.wish(headers)
        if wish is None:
            return user
        for right in wish.rights():
            self.check(user, right)
        return wish.granted()

    def admit(self, user: User, asked: Attributes) -> None:
        """Raise ApiError (Forbidden) where a user may not do what a request asks.

        A WebSocket is opened by GET, which is the verb `get`, although what follows is as much a
        creation as the POST of older clients: streams need `create` in any case.
        """
        self.check(user, asked)
        if asked.subresource in STREAMS and not self._get_opens_streams:
            self.check(user, replace(asked, verb="create"))

    def check(self, user: User, asked: Attributes) -> None:
        """Raise ApiError (Forbidden) where a user may not do one thing."""
        decision = self._authorizer.decide(user, asked)
        if not decision.allowed:
            raise refusal(user, asked, decision.reason)
