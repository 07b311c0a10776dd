"""`make test-rights`: each command with its own role and nothing else, and without each right.

The whole of `suites` is run once with the printed role, and once with the keys to all doors. Then
each right is taken away: one that a run needs is named before anything is made; without one that it
can do without, the run passes and says what it could not try. Nothing may be left behind.

`python -m tests.rights.table [WORD ...]` does the parts whose names have one of the words in them.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from netproof.cluster.access import required
from netproof.cluster.lab import environment
from tests.defects.warm import ROOT
from tests.lab.gate import gate
from tests.rights.account import Account, account, role

BUNDLE = """
apiVersion: v1
kind: Pod
metadata: {namespace: shop, name: db, labels: {app: db}}
spec: {serviceAccountName: db, containers: [{name: c, image: x, ports: [{containerPort: 5432}]}]}
---
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: db}
spec: {selector: {app: db}, ports: [{port: 5432}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: none}
spec: {podSelector: {}, policyTypes: [Ingress]}
"""

BESIDE_GET = {("create", "", f"pods/{name}") for name in ("exec", "portforward", "attach")}
"""Asked for by the API server beside the `get` that a request for a WebSocket is."""

IN_DOUBT = ("delete", "networkpolicies")
"""Where the API server did not say whether a policy was made, or it is alone in its namespace."""

OWN_FLEETS = ("create", "", "serviceaccounts")
"""For pods of somebody's own fleet that name one; the suites' own fleet has none."""

Right = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    exit_code: int
    output: str


def main(words: list[str]) -> int:
    """Print a line a part; fail when one is not as it must be."""
    with tempfile.TemporaryDirectory() as folder, account("rights", Path(folder)) as somebody:
        parts = [part for part in _parts(somebody, Path(folder)) if _named(part[0], words)]
        faults = [name for name, ask in parts if _told(name, ask())]
    print(f"\n{len(parts) - len(faults)} of {len(parts)} as they must be")
    return 1 if faults else 0


def _named(name: str, words: list[str]) -> bool:
    return not words or any(word in name for word in words)


def _told(name: str, fault: str) -> bool:
    print(f"{'FAULT' if fault else 'good '}  {name}  {fault}", flush=True)
    return bool(fault)


def _parts(somebody: Account, folder: Path) -> Iterator[tuple[str, Callable[[], str]]]:
    for command in (*required.COMMANDS, required.DOORS):
        yield f"{command} with its role", partial(_with_role, somebody, folder, command)
    for command in required.COMMANDS:
        for right in sorted(_rights(required.of(command))):
            name = f"{command} without {right[0]} {right[2]}"
            yield name, partial(_refused, somebody, folder, command, right)
    for right in sorted(_rights(required.OPTIONAL) - _rights(required.of("test"))):
        name = f"doors without {right[0]} {right[2]}"
        yield name, partial(_told_of, somebody, folder, right)


def _rights(rights: tuple[required.Right, ...]) -> set[Right]:
    return {(verb, one.group, one.resource) for one in rights for verb in one.verbs}


def _argv(command: str, kubeconfig: str, folder: Path, theme: str = "") -> list[str]:
    where = ["--kubeconfig", kubeconfig]
    bundle = folder / "bundle.yaml"
    bundle.write_text(BUNDLE)
    test = ["test", *filter(None, [theme]), "--cluster", "existing", "-n", "auto"]
    return {
        "doctor": ["doctor", "--limit", "200", *where],
        "clean": ["clean", "--run", "nobody", *where],
        "check": ["check", str(bundle), "--cluster", "existing", *where],
    }.get(command, [*test, "--report-dir", str(folder / "reports"), *where])


def _run(argv: list[str]) -> Ran:
    done = subprocess.run(
        [sys.executable, "-m", "netproof", *argv],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    return Ran(done.returncode, " ".join((done.stdout + done.stderr).split()))


def _with_role(somebody: Account, folder: Path, command: str) -> str:
    """Run a command whole; say where its role is too small, or larger than it has to be."""
    rights = required.of(command)
    with somebody.granted(role(rights)) as kubeconfig, gate(kubeconfig, folder) as watched:
        ran = _run(_argv(command, str(watched.kubeconfig), folder))
    granted = _rights(rights) | {("create", "authorization.k8s.io", "selfsubjectaccessreviews")}
    known = {*BESIDE_GET, OWN_FLEETS}
    unused = {right for right in granted - watched.seen - known if right[::2] != IN_DOUBT}
    beyond = watched.seen - granted
    faults = [
        f"ended with {ran.exit_code}: {ran.output[-600:]}" if ran.exit_code else "",
        f"asked for more: {sorted(beyond)}" if beyond else "",
        f"never used: {sorted(unused)}" if unused and command != "clean" else "",
        _wrong(somebody, ran),
    ]
    return "; ".join(filter(None, faults))


def _refused(somebody: Account, folder: Path, command: str, lacking: Right) -> str:
    """Run a command without a right that it needs: it names it, and makes nothing."""
    with somebody.granted(role(required.of(command), without=lacking)) as kubeconfig:
        ran = _run(_argv(command, kubeconfig, folder, "additive"))
    verb, group, resource = lacking
    named = f"1 are missing: {verb} {resource}{'.' + group if group else ''} (for "
    told = "" if named in ran.output and ran.exit_code == 2 else f"does not name it: {ran}"
    return "; ".join(filter(None, [told, _wrong(somebody, ran)]))


def _told_of(somebody: Account, folder: Path, lacking: Right) -> str:
    """Try all doors without one key: the run passes, and says what it could not do."""
    with somebody.granted(role(required.of(required.DOORS), without=lacking)) as kubeconfig:
        ran = _run(_argv("test", kubeconfig, folder, "operational_access"))
    verb, group, resource = lacking
    words = (f"{verb} {resource}{'.' + group if group else ''} (for ", f'cannot {verb} resource "')
    named = any(word in ran.output and resource in ran.output for word in words)
    faults = [
        f"ended with {ran.exit_code}: {ran.output[-600:]}" if ran.exit_code else "",
        "" if named else f"does not name it: {ran.output[-2000:]}",
        _wrong(somebody, ran),
    ]
    return "; ".join(filter(None, faults))


def _wrong(somebody: Account, ran: Ran) -> str:
    left = somebody.left()
    return f"left: {left}" if left else "a traceback" if "Traceback" in ran.output else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
