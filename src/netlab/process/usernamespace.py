"""Entering the lab's user namespace, and becoming the unprivileged user that pods run as.

Must not know: nodes, pods, or who starts the lab.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from netlab.node import syscalls

POD_ID = 65534  # "nobody", the id that needs no entry in any user database
_MAPPING_CAPABILITIES = (6, 7, 31)  # SETGID, SETUID, SETFCAP: needed to map a range of ids


@dataclass(frozen=True, slots=True)
class IdMaps:
    """What to write into uid_map and gid_map; `ranged` ones must be written from outside."""

    uid_map: str
    gid_map: str
    ranged: bool


def plan_id_maps(uid_map: str, gid_map: str, effective: int, ids: tuple[int, int]) -> IdMaps:
    """Choose the maps from the caller's own maps, its effective capabilities and its ids.

    With the capabilities to map ids all of them stay as they are, so that pods can be somebody
    else than the lab; without, the kernel allows one id only, the caller's own.
    """
    can_map = all(effective >> capability & 1 for capability in _MAPPING_CAPABILITIES)
    if can_map and _map_contains(uid_map, POD_ID) and _map_contains(gid_map, POD_ID):
        return IdMaps(_identity_map(uid_map), _identity_map(gid_map), ranged=True)
    uid, gid = ids
    return IdMaps(f"{POD_ID} {uid} 1\n", f"{POD_ID} {gid} 1\n", ranged=False)


def enter_user_namespace() -> None:
    """Move this single-threaded process into a user namespace of its own.

    Raises OSError. Everything that is unshared afterwards belongs to this namespace.
    """
    maps = plan_id_maps(
        Path("/proc/self/uid_map").read_text(encoding="ascii"),
        Path("/proc/self/gid_map").read_text(encoding="ascii"),
        _effective_capabilities(),
        (os.geteuid(), os.getegid()),
    )
    if maps.ranged:
        _unshare_mapped_from_outside(maps)
    else:
        syscalls.unshare(syscalls.CLONE_NEWUSER)
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        _write_maps("self", maps)


def become_pod_user() -> None:
    """Take the pods' user and group id, keeping all capabilities of the user namespace.

    What this process executes from now on starts with that id and without a capability, at no
    cost per start: the ids are inherited, the empty bounding set takes the capabilities away.
    """
    syscalls.keep_capabilities_over_setuid()
    if Path("/proc/self/setgroups").read_text(encoding="ascii").strip() == "allow":
        os.setgroups([])
    os.setresgid(POD_ID, POD_ID, POD_ID)
    os.setresuid(POD_ID, POD_ID, POD_ID)
    syscalls.set_dumpable()
    syscalls.forbid_new_privileges()


def _unshare_mapped_from_outside(maps: IdMaps) -> None:
    """Let a child that stays outside write the maps: inside, ranges are refused."""
    target = str(os.getpid())
    gate_read, gate_write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(gate_write)
        os._exit(_map_after_signal(gate_read, target, maps))
    os.close(gate_read)
    try:
        syscalls.unshare(syscalls.CLONE_NEWUSER)
        os.write(gate_write, b"1")
    finally:
        os.close(gate_write)
        _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code != 0:
        raise OSError(code, f"write uid_map: {os.strerror(abs(code))}")


def _map_after_signal(gate: int, target: str, maps: IdMaps) -> int:
    """Wait for the go-ahead, write the maps and return 0 or the errno."""
    try:
        if os.read(gate, 1):  # empty: the process to be mapped failed or is gone
            _write_maps(target, maps)
    except OSError as error:
        return error.errno or 1
    return 0


def _write_maps(target: str, maps: IdMaps) -> None:
    for name, content in (("uid_map", maps.uid_map), ("gid_map", maps.gid_map)):
        fd = os.open(f"/proc/{target}/{name}", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, content.encode())  # the kernel takes a map in one write only
        finally:
            os.close(fd)


def _effective_capabilities() -> int:
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def _map_contains(id_map: str, number: int) -> bool:
    extents = (tuple(map(int, line.split())) for line in id_map.splitlines())
    return any(first <= number < first + length for first, _, length in extents)


def _identity_map(id_map: str) -> str:
    """Map every id of the caller's namespace to itself."""
    extents = (line.split() for line in id_map.splitlines())
    return "".join(f"{first} {first} {length}\n" for first, _, length in extents)
