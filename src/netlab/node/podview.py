"""What a pod sees of the machine: its programs, and nothing that belongs to anybody.

There are no images, so that a pod runs what is installed here, as the user who started the lab
where that is no administrator. Its root is therefore a tree of its own: the system's programs and
libraries and the lab's interpreter, read-only, devices that hold nothing, an /etc that was written
for it, and the `agnhost` that test programs expect of an image. Homes, run-time folders, sockets
and terminals of the machine have no name in it.
Must not know: pods, or what a network namespace is.
"""

import errno
import os
import py_compile
from pathlib import Path

from netlab.node import syscalls

PLAIN = syscalls.MS_NOSUID | syscalls.MS_NODEV
_BOUND = syscalls.MS_BIND | syscalls.MS_REC  # what is mounted below may not be left out

_PROGRAMS = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "nix/store", "gnu/store")
_EMPTY = ("home", "root", "run", "sys", "var", "mnt", "media", "opt", "srv")
_SCRATCH = ("tmp", "var/tmp", "dev/shm")
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_DEVICE_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}
_SETTINGS = (
    *("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "os-release"),
    *("protocols", "services", "terminfo"),
)
"""Of /etc, what programs need to start and to name protocols: the same on every machine."""

_FILES = {
    "passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n",
    "group": "root:x:0:\nnogroup:x:65534:\n",
    "hosts": "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "resolv.conf": "",
}
_REMOUNT = {
    "nosuid": syscalls.MS_NOSUID,
    "nodev": syscalls.MS_NODEV,
    "noexec": syscalls.MS_NOEXEC,
    "noatime": syscalls.MS_NOATIME,
    "nodiratime": syscalls.MS_NODIRATIME,
    "relatime": syscalls.MS_RELATIME,
}


_AGNHOST = Path(__file__).with_name("agnhost.py")


def furnish(view: Path, own: Path) -> None:
    """Build the tree of all pods in an empty folder, with a folder of the lab's own in it.

    That folder has the interpreter at bin/python3. The tree is to be entered by `enter`, in a mount
    namespace of its own. Raises OSError.
    """
    syscalls.mount("tmpfs", str(view), "tmpfs", PLAIN, "mode=755")
    for name in (*_EMPTY, *_SCRATCH, "etc", "proc"):
        (view / name).mkdir(parents=True, exist_ok=True)
    for name in _PROGRAMS:
        _show(Path("/", name), view / name)
    _show(own, view / own.relative_to("/"))
    _bind(Path("/proc"), view / "proc")
    (view / "var/run").symlink_to("/run")
    _furnish_devices(view / "dev")
    for name in _SETTINGS:
        _show(Path("/etc", name), view / "etc" / name)
    for name, content in _FILES.items():
        (view / "etc" / name).write_text(content, encoding="ascii")
    _furnish_agnhost(view / "agnhost", own)


def _furnish_devices(folder: Path) -> None:
    for name in _DEVICES:
        _show(Path("/dev", name), folder / name)
    for name, target in _DEVICE_LINKS.items():
        (folder / name).symlink_to(target)
    (folder / "pts").mkdir()
    _bind(Path("/dev/pts"), folder / "pts")


def _furnish_agnhost(program: Path, own: Path) -> None:
    """Write a program of a few lines: it starts for each probe, and compiling took a quarter."""
    library = own / "agnhost"
    library.mkdir()
    py_compile.compile(str(_AGNHOST), str(library / "agnhost.pyc"), doraise=True)
    program.write_text(
        f"#!{own}/bin/python3 -IS\nimport sys\n\nsys.path.insert(0, {str(library)!r})\n"
        "import agnhost\n\nsys.exit(agnhost.main(sys.argv[1:]))\n",
        encoding="utf-8",
    )
    program.chmod(0o755)


def _show(host: Path, inside: Path) -> None:
    """Show a folder, a file or a link of the machine in the view; what is not there is left out."""
    if not host.is_symlink() and not host.exists():
        return
    inside.parent.mkdir(parents=True, exist_ok=True)
    if host.is_symlink():
        inside.symlink_to(host.readlink())
        return
    inside.mkdir() if host.is_dir() else inside.touch()
    _bind(host, inside)


def _bind(source: Path, target: Path) -> None:
    syscalls.mount(str(source), str(target), flags=_BOUND)


def enter(view: Path, resolv_conf: Path) -> None:
    """Make a furnished tree the root of the calling thread's mount namespace, read-only.

    Raises OSError. The machine's own tree has no name any more, here and for what starts here.
    """
    _bind(resolv_conf, view / "etc/resolv.conf")
    os.chdir(view)
    syscalls.pivot_root(".", ".")  # the old root now lies on the new one, see pivot_root(2)
    syscalls.unmount(".")
    os.chdir("/")
    _make_read_only()
    for name in _SCRATCH:
        syscalls.mount("tmpfs", f"/{name}", "tmpfs", PLAIN, "mode=1777")


def _make_read_only() -> None:
    """Keep pods, who may run as the user who owns the interpreter, from changing it."""
    try:
        syscalls.set_tree_read_only("/")
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise
        make_mounts_read_only()


def make_mounts_read_only() -> None:
    """Make each mount read-only by itself, as Linux before 5.12 wants it; raise OSError."""
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        target, options = line.split()[4:6]
        flags = sum(_REMOUNT.get(option, 0) for option in options.split(","))
        flags |= syscalls.MS_REMOUNT | syscalls.MS_BIND | syscalls.MS_RDONLY
        syscalls.mount("", target, flags=flags)
