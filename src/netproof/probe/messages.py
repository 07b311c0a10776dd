"""What agents say, at the one edge where it comes in: typed values, or a GarbledError. Pure.

An agent stands in somebody's cluster, and others may stand where it is reached. So what it says
counts only under its seal, and only in the form that it was asked for.
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2s
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from netproof.errors import GarbledError, OtherVersionError
from netproof.model.flow import Outcome
from netproof.model.value import ready
from netproof.model.workload import Family, Protocol, is_address
from netproof.printing import one_line
from netproof.probe.agent import VERSION, asked, proof

T = TypeVar("T")

SHOWN = 80
"""Characters of what is not understood: the beginning tells what it is."""

LONGEST_DETAIL = 4000
"""Characters that an agent may say of one target."""

Word = Annotated[str, Meta(max_length=400)]
PortNumber = Annotated[int, Meta(ge=0, le=65535)]
Seconds = Annotated[float, Meta(ge=0, le=1e6)]
Detail = Annotated[str, Meta(max_length=LONGEST_DETAIL)]
Index = Annotated[int, Meta(ge=0)]


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An answer to the request of a number."""

    id: int


class Greeting(Message, frozen=True):
    """Who an agent is and what it serves."""

    identity: Word
    version: int
    pid: int
    boot: Word
    serving: tuple[tuple[PortNumber, Protocol, Family], ...]
    failures: tuple[tuple[PortNumber, Protocol, Family, Word], ...]
    sctp: bool
    faults: tuple[Word, ...]
    mtu: Annotated[int, Meta(ge=0, le=1 << 31)] = 0
    resolvers: tuple[Word, ...] = ()
    addresses: tuple[Word, ...] = ()


class Results(Message, frozen=True):
    """What came of some targets: the number of each, outcome, detail and seconds."""

    results: tuple[tuple[Index, Outcome, Detail, Seconds], ...]
    done: bool


class Testimony(Message, frozen=True):
    """Which of the requests asked for have arrived; `forgot` is how long ago any was forgotten.

    `half` are the addresses and ports asked for whose SYN was answered, and nothing came after it.
    """

    arrived: tuple[Word, ...]
    half: tuple[Word, ...]
    boot: Word
    forgot: Seconds | None


class Obeyed(Message, frozen=True):
    """That an agent does what it was told to and has nothing more to say of."""


class _Header(msgspec.Struct, frozen=True):
    id: int | None
    error: str = ""
    version: int = VERSION


ready(Greeting, Results, Testimony, Obeyed, _Header)


@dataclass(frozen=True, slots=True)
class Hello:
    """Who an agent says it is.

    `boot` is drawn at its start, so another one means another process. `failures` are the ports
    it could not serve, each (number, protocol, family), with the name of the error. `sctp` tells
    whether its kernel has the protocol. `resolvers` are the addresses that it asks for names.
    `mtu` is how many bytes a packet of it may have, 0 where that is not known. `addresses` are its
    own on the way to others, `serving` the ports it serves, by family.
    """

    identity: str
    boot: str
    failures: Mapping[tuple[int, str, str], str] = field(default_factory=dict)
    sctp: bool = False
    resolvers: tuple[str, ...] = ()
    mtu: int = 0
    addresses: tuple[str, ...] = ()
    serving: tuple[tuple[int, Protocol, Family], ...] = ()


def read_greeting(greeting: Greeting, identity: str) -> Hello:
    """Return who answers; raise GarbledError where it is not the one that was asked."""
    if greeting.identity != identity:
        raise GarbledError(f"{excerpt(greeting.identity)} answers for {identity}")
    failures = {
        (port, str(protocol), str(family)): excerpt(why)
        for port, protocol, family, why in greeting.failures
    }
    asked = tuple(filter(is_address, greeting.resolvers))
    own = tuple(filter(is_address, greeting.addresses))
    return Hello(
        identity, greeting.boot, failures, greeting.sctp, asked, greeting.mtu, own, greeting.serving
    )


@lru_cache(maxsize=4096)
def agent_key(secret: str, identity: str, instance: str) -> str:
    """Return the key by which one agent of a run seals what it says, from the run's secret."""
    digest = blake2s(secret.encode(), digest_size=32).digest()
    name = f"{instance} {identity}".encode()
    return blake2s(name, key=digest, digest_size=32).hexdigest()


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys of a run's agents: made of its secret, but for those that somebody else started.

    `instance` keeps apart agents of one identity, `given` are keys by identity.
    """

    instance: str
    secret: str
    given: Mapping[str, str] = field(default_factory=dict)

    def of(self, identity: str) -> str:
        """Return the key of the agent of an identity."""
        return self.given.get(identity) or agent_key(self.secret, identity, self.instance)


def proves(said: str, nonce: str, keys: Iterable[str]) -> bool:
    """Tell whether what came back with a nonce was said by an agent that has one of the keys."""
    return any(
        hmac.compare_digest(said.encode(), proof(bytes.fromhex(key), nonce.encode()).encode())
        for key in keys
    )


def sealed_request(line: bytes, key: str, session: str) -> bytes:
    """Return a request as an agent takes it: nobody without its key can have it do anything."""
    return asked(bytes.fromhex(key), session.encode(), line)


def unsealed(line: bytes, key: str, session: str) -> bytes:
    """Return what stands under an agent's seal; raise GarbledError where it is not the agent's.

    `session` is what the conversation was begun with, so that none can be repeated.
    """
    seal, _, data = line.partition(b" ")
    ours = proof(bytes.fromhex(key), session.encode() + b" " + data)
    if not hmac.compare_digest(seal, ours.encode()):
        raise GarbledError(excerpt(line) or "nothing")
    return data


def decode(data: bytes, number: int, kind: type[T]) -> T:
    """Return the answer to a request of that number; raise GarbledError where it is none."""
    try:
        header = msgspec.json.decode(data, type=_Header)
        if header.id != number:
            raise GarbledError(excerpt(header.error or "an answer to another question"))
        if header.version != VERSION:
            raise OtherVersionError(
                f"it speaks version {header.version}, this netproof version {VERSION}"
            )
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise GarbledError(f"{excerpt(data) or 'nothing'} ({excerpt(str(error))})") from error


def excerpt(said: bytes | str) -> str:
    """Return the beginning of what others said, in characters that print."""
    beginning = said[:SHOWN]
    if isinstance(beginning, bytes):
        beginning = beginning.decode(errors="backslashreplace")
    return one_line(beginning)[:SHOWN]


def forgotten_since(testimony: Testimony, elapsed_s: float) -> bool:
    """Tell whether an agent has forgotten requests of the last so many seconds."""
    return testimony.forgot is not None and testimony.forgot <= math.ceil(elapsed_s) + 1
