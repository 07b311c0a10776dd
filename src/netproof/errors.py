"""Every error netproof raises on purpose, so that callers can tell whose fault it is.

NetproofError
    UsageError      the call is wrong: an option, a missing file, a combination that cannot be
    PolicyError     the bundle is wrong; the message starts with file:line
    ClusterError    the cluster is missing, refuses, or does not do what it says
        UnreachableError     the API server gave no answer
            ClusterGoneError     it has not answered for so long that it is given up
        NotReadyError        something did not become ready before its deadline
        NotReusedError       no pod was given the address that was to be used again
        StreamRefusedError   the API server refuses exec, attach, port-forward or a proxy
        PortClosedError      a port-forward stands, but nobody answers at its port in the pod
        StreamCutError       a stream broke off before its end
    OutputError     what is to be said cannot be written
    ProbeError      the probe agent or the stream to it failed
        GarbledError         what an agent said is no answer to what it was asked
            OtherVersionError    it is an agent of another netproof
    HarnessBug      netproof contradicts itself: never a CNI's failure, please report it
"""

from __future__ import annotations

from collections.abc import Iterable

from netproof.printing import one_line

_LONGEST = 4_000
"""Of a line of a message, in characters: a path may have 4,096, and a stranger's name a million."""


class NetproofError(Exception):
    """Base of all errors that end as a message to a person, never as a traceback."""


class UsageError(NetproofError):
    """The call cannot be carried out as written; the message says what to write instead."""


class PolicyError(NetproofError):
    """The bundle cannot be read or the API server would refuse it.

    `place` is `file:line` (or `file`, or `-` for standard input) and heads the message; what else
    is wrong follows in `also`. Each is one line, whatever a stranger's file or its name holds.
    """

    def __init__(self, place: str, message: str, also: Iterable[str] = ()) -> None:
        super().__init__("\n".join(map(_shortened, (f"{place}: {message}", *also))))
        self.place = place
        self.message = message


def _shortened(text: str) -> str:
    line = one_line(text[:_LONGEST])
    return line if len(text) <= _LONGEST else f"{line}..."


class ClusterError(NetproofError):
    """The cluster could not be started, reached or asked; the message names the object.

    `status` is that of the API server's answer (403 where RBAC says no, 404 where there is no such
    object), 0 where no answer of the API server is what went wrong.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class UnreachableError(ClusterError):
    """The API server gave no answer: what was asked of it may have happened or not.

    `refused` tells that nobody listens there at all (ECONNREFUSED).
    """

    def __init__(self, message: str, status: int = 0, *, refused: bool = False) -> None:
        super().__init__(message, status)
        self.refused = refused


class ClusterGoneError(UnreachableError):
    """The API server has not answered for as long as it is waited for: the run is over."""


class NotReadyError(ClusterError):
    """Something did not become ready in time; the message carries its last known state."""


class NotReusedError(ClusterError):
    """The cluster gave no new pod the address of a completed one: what follows was not tried."""


class StreamRefusedError(ClusterError):
    """The API server refused to open a stream into a pod; with `status` 0 it gave no answer."""


class PortClosedError(ClusterError):
    """The kubelet dialled a port for a port-forward and was not let in; it has the last word."""


class StreamCutError(ClusterError):
    """A stream into a pod ended without being closed: what came before may not be all."""


class OutputError(NetproofError):
    """Standard output is full or closed; the message says what to do about it."""


class ProbeError(NetproofError):
    """A probe agent, or the stream to it, failed: what it would have seen is unknown."""


class GarbledError(ProbeError):
    """What came in an agent's name is not its answer: nothing that came with it counts either."""


class OtherVersionError(GarbledError):
    """An agent speaks as another version of netproof has it: it was not started by this one."""


class HarnessBug(NetproofError):  # noqa: N818 - it is a bug, and is called one
    """Netproof broke a promise it makes to itself; never read this as a CNI's failure."""
