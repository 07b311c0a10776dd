"""libnftables in this process: one context per network namespace, and tables put in force by it.

In-process because a policy change must be in force within milliseconds, and because the netlink
buffer can then be raised without the capability in the first user namespace that `nft` needs.

Without that capability the kernel's socket buffer limits a transaction (net.core.wmem_max). So a
table goes in one transaction where it fits, else in stages: a table without base chains has no
effect, so a large one is built piece by piece beside the one in force; the last, small transaction
gives it its base chains and deletes the other. Either way no packet sees half a table.
Must not know: what the rules are for.
"""

import contextlib
import ctypes
import errno
import logging
import os
import re
import socket
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Protocol, Self

from netlab.dataplane.rulesets import NftChain, NftSet, NftTable

log = logging.getLogger(__name__)

LIBRARY_VARIABLE = "NETPROOF_LIBNFTABLES"
_LIBRARY = "libnftables.so.1"
_SEND_BUFFER = 8 << 20  # bytes; the kernel caps it at net.core.wmem_max, doubled
_TOO_LONG = os.strerror(errno.EMSGSIZE)
_LOCATED_ERROR = re.compile(r"/proc/self/fd/\d+:(\d+):\d+-\d+: (Error: [^\n]*)")


class NftError(Exception):
    """nftables refused something; the message has its reason and the line at fault."""


class LibraryMissingError(NftError):
    """There is no libnftables to load."""


class TransactionTooLargeError(NftError):
    """The kernel's socket buffer does not hold the transaction."""


class Nft:
    """An open connection to the rules of the namespace that the calling thread is in.

    It keeps that namespace: later calls need not be made from inside. Raises NftError.
    """

    def __init__(self, *, send_buffer: int = _SEND_BUFFER) -> None:
        """Open a context; `send_buffer` in bytes limits how large a transaction may be."""
        self._library = _library()
        before = _open_sockets()
        self._context = self._library.nft_ctx_new(0)
        if not self._context:
            raise NftError("nft_ctx_new failed: no memory or no netlink socket")
        for fd, _ in _open_sockets() - before:
            _set_send_buffer(fd, send_buffer)
        self._library.nft_ctx_buffer_error(self._context)
        self._library.nft_ctx_buffer_output(self._context)

    def run(self, ruleset: str) -> str:
        """Apply commands in one transaction and return what they print; raise NftError.

        The rules are in force when this returns.
        """
        if not self._context:
            raise NftError("this nftables context is closed")
        code = self._library.nft_run_cmd_from_buffer(self._context, ruleset.encode())
        message = self._message()
        output: str = self._library.nft_ctx_get_output_buffer(self._context).decode()
        if code != 0 and _TOO_LONG in message:
            raise TransactionTooLargeError(_joined_lines(message))
        if code != 0:
            raise NftError(self._locate(ruleset) or _joined_lines(message))
        return output

    def _message(self) -> str:
        message: bytes = self._library.nft_ctx_get_error_buffer(self._context)
        return message.decode()

    def _locate(self, ruleset: str) -> str:
        """Return what is wrong and in which line; nothing if it was not the text.

        The library counts lines of files only. So the text becomes one, which is not applied.
        """
        fd = os.memfd_create("ruleset")
        with os.fdopen(fd, "w") as file:
            file.write(ruleset)
            file.flush()
            self._library.nft_ctx_set_dry_run(self._context, True)
            self._library.nft_run_cmd_from_filename(self._context, f"/proc/self/fd/{fd}".encode())
            self._library.nft_ctx_set_dry_run(self._context, False)
        located = _LOCATED_ERROR.search(self._message())
        if located is None:
            return ""
        return f"{located[2]}, in line {located[1]}: {ruleset.splitlines()[int(located[1]) - 1]}"

    def close(self) -> None:
        """Free the context and its socket; the rules stay."""
        if self._context:
            self._library.nft_ctx_free(self._context)
            self._context = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    name = os.environ.get(LIBRARY_VARIABLE) or _LIBRARY
    try:
        library = ctypes.CDLL(name)
    except OSError as error:
        message = (
            f"cannot load {name}: {error}; install libnftables (Debian package libnftables1) "
            f"or set {LIBRARY_VARIABLE} to the library's path"
        )
        raise LibraryMissingError(message) from error
    library.nft_ctx_new.restype = ctypes.c_void_p
    for function in (library.nft_ctx_get_error_buffer, library.nft_ctx_get_output_buffer):
        function.argtypes, function.restype = [ctypes.c_void_p], ctypes.c_char_p
    for function in (
        library.nft_ctx_buffer_error,
        library.nft_ctx_buffer_output,
        library.nft_ctx_free,
    ):
        function.argtypes = [ctypes.c_void_p]
    for function in (library.nft_run_cmd_from_buffer, library.nft_run_cmd_from_filename):
        function.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    library.nft_ctx_set_dry_run.argtypes = [ctypes.c_void_p, ctypes.c_bool]
    return library


def _open_sockets() -> set[tuple[int, str]]:
    """Return descriptor and inode of every socket of this process.

    libnftables does not tell its socket's descriptor: it is the one that is new after the call.
    """
    sockets = set()
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the descriptor that lists the directory
            link = str(entry.readlink())
            if link.startswith("socket:"):
                sockets.add((int(entry.name), link))
    return sockets


def _set_send_buffer(fd: int, size: int) -> None:
    with socket.socket(fileno=os.dup(fd)) as same_socket:
        same_socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)


def _joined_lines(text: str) -> str:
    """Join the library's lines to one message, without the marks under its echo of the input."""
    lines = [line.strip() for line in text.splitlines() if line.strip(" ^~")]
    return " | ".join(lines) or "nftables failed without a word"


_SPARE = "_spare"
# Characters of text per stage. A rule takes about five times its text on the wire, so this stays
# below 212,992 bytes, the smallest default limit of the kernel.
_STAGE_SIZE = 6_000
_ELEMENTS_PER_COMMAND = 200  # of a set, per command


class NftCommands(Protocol):
    """What takes nftables commands: `nft.Nft`."""

    def run(self, ruleset: str) -> object:
        """Apply commands in one transaction; raise NftError."""


class TableLoader:
    """Puts tables in force in one namespace, and knows which are."""

    def __init__(self, nft: NftCommands) -> None:
        """Load by `nft`; nothing is in force yet."""
        self._nft = nft
        self._in_force: dict[str, NftTable] = {}
        self._spares: set[str] = set()

    def load(self, table: NftTable) -> bool:
        """Put a table in force in place of the one before; tell whether it was another one.

        Raises NftError; the one before is in force then.
        """
        if self._in_force.get(table.name) == table:
            return False
        try:
            self._change(table)
        except TransactionTooLargeError:
            self._load_in_stages(table)
        self._in_force[table.name] = table
        return True

    def _change(self, table: NftTable) -> None:
        """Put a table in force in one transaction, by what differs where that is possible."""
        old = self._in_force.get(table.name)
        if old is not None and table.name not in self._spares and hooks_of(old) == hooks_of(table):
            try:
                self._nft.run(table.change_of(old))
            except TransactionTooLargeError:
                raise
            except NftError as error:  # in force is what somebody else has changed
                log.warning(
                    "table %s is made anew, as its change was refused: %s", table.name, error
                )
            else:
                return
        self._nft.run(_removal(table.name + _SPARE) + table.replacement())
        self._spares.discard(table.name)

    def _load_in_stages(self, table: NftTable) -> None:
        old, new = table.name, table.name + _SPARE
        if table.name in self._spares:
            old, new = new, old
        for stage in staged_transactions(replace(table, name=new), instead_of=old):
            self._nft.run(stage)
        self._spares ^= {table.name}


def hooks_of(table: NftTable) -> list[tuple[str, str]]:
    """Return where a table's packets come from: names and hooks of its base chains."""
    return [(chain.name, chain.hook) for chain in table.chains if chain.hook]


def staged_transactions(table: NftTable, *, instead_of: str) -> Iterator[str]:
    """Return the transactions that build a table and then put it in another one's place."""
    yield from _in_stages(_building_commands(table))
    bases = [chain for chain in table.chains if chain.hook]
    last = [f"add chain inet {table.name} {c.name} {{ {c.hook}; }}\n" for c in bases]
    last += [command for chain in bases for command in _rule_commands(table, chain)]
    yield "".join(last) + _removal(instead_of)


def _building_commands(table: NftTable) -> Iterator[str]:
    """Yield commands that make everything but the base chains, in an order that is possible."""
    yield _removal(table.name) + f"add table inet {table.name}\n"
    plain = [chain for chain in table.chains if not chain.hook]
    for chain in plain:
        yield f"add chain inet {table.name} {chain.name}\n"
    for one in table.sets:
        yield f"table inet {table.name} {{\n{one.opening} }}\n}}\n"
        yield from _element_commands(table, one)
    for chain in plain:
        yield from _rule_commands(table, chain)


def _element_commands(table: NftTable, one: NftSet) -> Iterator[str]:
    for start in range(0, len(one.elements), _ELEMENTS_PER_COMMAND):
        listed = ", ".join(one.elements[start : start + _ELEMENTS_PER_COMMAND])
        yield f"add element inet {table.name} {one.name} {{ {listed} }}\n"


def _rule_commands(table: NftTable, chain: NftChain) -> Iterator[str]:
    return (f"add rule inet {table.name} {chain.name} {rule}\n" for rule in chain.rules)


def _removal(name: str) -> str:
    """Return commands that delete a table that may not be there."""
    return f"add table inet {name}\ndelete table inet {name}\n"


def _in_stages(commands: Iterable[str]) -> Iterator[str]:
    """Join commands to transactions of about the size of a stage."""
    together = ""
    for command in commands:
        if together and len(together) + len(command) > _STAGE_SIZE:
            yield together
            together = ""
        together += command
    if together:
        yield together
