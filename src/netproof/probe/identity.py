"""What an agent is asked for to prove who it is, and what counts as the proof; pure.

For those who reach an agent by other ways than a probe's: a port-forward, a proxy, an exec.
"""

from __future__ import annotations

import json
import secrets

from netproof.errors import ProbeError

HTTP_PATH = "netproof"
"""`GET /netproof/NONCE` asks an agent by HTTP what `netproof NONCE` asks it in a line."""


def fresh_nonce() -> str:
    """Return a word that nobody can have answered before."""
    return secrets.token_hex(16)


def request(nonce: str) -> bytes:
    """Return the line that asks an agent who it is."""
    return f"netproof {nonce}\n".encode()


def proven(answer: bytes, nonce: str) -> tuple[str, str]:
    """Return who answered and as whom it saw us; raise ProbeError where that is no proof."""
    try:
        told = json.loads(answer)
        who, echo, seen = str(told["identity"]), told["nonce"], str(told.get("from", ""))
    except (ValueError, LookupError, TypeError, AttributeError):
        raise ProbeError(f"what answered is no agent of ours: {answer[:80]!r}") from None
    if echo != nonce:
        raise ProbeError(f"{who} answered with another nonce than ours")
    return who, seen
