"""Who an agent is: what it is called, what it is asked to prove it, and what counts as the proof.

Pure. For the commands that start agents, for those who reach one by other ways than a probe's (a
port-forward, a proxy, an exec), and for those who weigh what agents say.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection

import msgspec

from netproof.errors import GarbledError, ProbeError
from netproof.model.flow import Endpoint, EndpointKind
from netproof.model.value import ready
from netproof.probe.messages import KeyRing, Word, excerpt, proves

HTTP_PATH = "netproof"
"""`GET /netproof/NONCE` asks an agent by HTTP what `netproof NONCE` asks it in a line."""

OUTSIDE_IDENTITY = "outside"
"""One agent stands for all hosts outside the cluster, whatever address it is reached at."""

LONGEST_NAME = 100
"""Bytes of a control socket's name; the kernel takes 107 (unix(7), sun_path)."""


_NONCE_BYTES = 16


def identity_of(endpoint: Endpoint) -> str:
    """Return what the agent at that end of a flow calls itself."""
    return OUTSIDE_IDENTITY if endpoint.kind is EndpointKind.OUTSIDE else endpoint.name


def control_name(identity: str, instance: str) -> str:
    """Return the name of an agent's control socket, which is abstract: it lies on no disk."""
    name = f"netproof-{identity}-{instance}"
    if len(name.encode()) <= LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:32]
    return f"{name[:40]}-{digest}"


def fresh_nonces(count: int) -> list[str]:
    """Return words that nobody can have answered before."""
    drawn = secrets.token_hex(_NONCE_BYTES * count)
    length = 2 * _NONCE_BYTES
    return [drawn[start : start + length] for start in range(0, len(drawn), length)]


def fresh_nonce() -> str:
    """Return one such word."""
    return fresh_nonces(1)[0]


def fresh_secret() -> str:
    """Return what nobody but a run knows, for the keys of its agents."""
    return secrets.token_hex(32)


def fingerprint(key: str) -> str:
    """Return what tells keys apart and gives nothing of them away."""
    return hashlib.blake2s(bytes.fromhex(key), person=b"netproof").hexdigest()[:12]


def request(nonce: str) -> bytes:
    """Return the line that asks an agent who it is."""
    return f"netproof {nonce}\n".encode()


def read_told(line: str) -> tuple[str, str]:
    """Return answer and error of a line of `agentcommand.ASK`; raise ProbeError for another."""
    try:
        return msgspec.json.decode(line, type=tuple[str, str])
    except (msgspec.MsgspecError, RecursionError, ValueError):
        raise GarbledError(f"what asked said {excerpt(line)!r}") from None


class _Answer(msgspec.Struct, frozen=True, rename={"seen": "from"}):
    identity: Word
    nonce: Word
    proof: Word = ""
    seen: Word = ""


ready(_Answer)


def proven(answer: bytes, nonce: str, *, wanted: Collection[str], keys: KeyRing) -> tuple[str, str]:
    """Return who of those wanted answered, and as whom it saw us.

    Raises ProbeError where that is not proven, by the key that a pod of that identity was given.
    """
    try:
        said = msgspec.json.decode(answer, type=_Answer)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        raise GarbledError(f"what answered is no agent of ours: {excerpt(answer)!r}") from None
    who = excerpt(said.identity)
    if said.nonce != nonce:
        raise ProbeError(f"{who} answered with another nonce than ours")
    if said.identity not in wanted:
        raise ProbeError(f"{who} answered in place of {' or '.join(sorted(wanted))}")
    if not proves(said.proof, nonce, [keys.of(said.identity)]):
        raise ProbeError(f"who answered as {who} has not its key")
    return who, excerpt(said.seen)
