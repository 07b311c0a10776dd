"""libnftables in this process: one context per network namespace.

In-process because a policy change must be in force within milliseconds, and because the netlink
buffer can then be raised without the capability in the first user namespace that `nft` needs.
Must not know: what the rules are for.
"""

import contextlib
import ctypes
import errno
import os
import re
import socket
from functools import lru_cache
from pathlib import Path
from typing import Self

LIBRARY_VARIABLE = "NETPROOF_LIBNFTABLES"
_LIBRARY = "libnftables.so.1"
_SEND_BUFFER = 8 << 20  # bytes; the kernel caps it at net.core.wmem_max, doubled
_TOO_LONG = os.strerror(errno.EMSGSIZE)
_LOCATED = re.compile(r"/proc/self/fd/\d+:(\d+):\d+-\d+: (Error: [^\n]*)")


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
        said = self._said()
        output: str = self._library.nft_ctx_get_output_buffer(self._context).decode()
        if code != 0 and _TOO_LONG in said:
            raise TransactionTooLargeError(_joined(said))
        if code != 0:
            raise NftError(self._locate(ruleset) or _joined(said))
        return output

    def _said(self) -> str:
        said: bytes = self._library.nft_ctx_get_error_buffer(self._context)
        return said.decode()

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
        found = _LOCATED.search(self._said())
        if found is None:
            return ""
        return f"{found[2]}, in line {found[1]}: {ruleset.splitlines()[int(found[1]) - 1]}"

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
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the descriptor that lists the directory
            link = str(entry.readlink())
            if link.startswith("socket:"):
                found.add((int(entry.name), link))
    return found


def _set_send_buffer(fd: int, size: int) -> None:
    with socket.socket(fileno=os.dup(fd)) as same_socket:
        same_socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)


def _joined(said: str) -> str:
    """Join the library's lines to one message, without the marks under its echo of the input."""
    lines = [line.strip() for line in said.splitlines() if line.strip(" ^~")]
    return " | ".join(lines) or "nftables failed without a word"
