"""The commands that start the probe agent and reach it: pure text, for somebody else to run.

The agent travels as an argument of its command, so that a stock Python image is enough. It is
sent without docstrings and annotations, which halves what is stored with every pod and compiled
at every start. Where pods have the harness's own Python (the lab's have), what it compiles to can
go along, which halves the time of a start; elsewhere nothing is sent that one cannot read.
"""

from __future__ import annotations

import ast
import binascii
import marshal
import re
import threading
import zlib
from collections.abc import Sequence
from functools import cache
from importlib import resources
from importlib.util import MAGIC_NUMBER
from types import CodeType

from netproof.model.workload import Listens, Port
from netproof.probe.agent import ROUTED
from netproof.probe.identity import control_name
from netproof.probe.messages import agent_key

PYTHON = ("python3", "-I", "-S", "-c")
LISTENS: dict[Listens, tuple[str, ...]] = {
    Listens.EVERYWHERE: (),
    Listens.POD_IP: ROUTED,
    Listens.LOOPBACK: ("127.0.0.1", "::1"),
}
"""Where an agent is told to listen; a pod's own address is known to nobody before it runs."""

STARTING_S = 5.0
"""How long a relay waits for an agent that is still starting: an interpreter on a busy node."""

START = """\
import sys
source,compiled=sys.argv[1:3]
del sys.argv[1:3]
try:
    import binascii,marshal,zlib
    from _frozen_importlib_external import MAGIC_NUMBER
    magic,sum,code=compiled.split()
    if magic!=MAGIC_NUMBER.hex() or int(sum)!=zlib.crc32(source.encode()):raise ValueError
    program=marshal.loads(zlib.decompress(binascii.a2b_base64(code)))
except Exception:program=compile(source,"agent","exec")
del source,compiled
exec(program)
"""
"""Runs a program from its source, or from what is beside it: as a .pyc stands beside a module.

What is compiled counts for one version of bytecode and for this very source.
"""

RELAY = """\
import os,select,sys,time
try:import _socket as socket
except ImportError:import socket
name,end=sys.argv[1],time.monotonic()+float(sys.argv[2])
s=socket.socket(socket.AF_UNIX)
while 1:
    try:
        s.connect("\\0"+name);break
    except OSError as e:
        if time.monotonic()>end:sys.exit(f"no agent at {name}: {e.strerror}")
        time.sleep(.02)
while 1:
    r=select.select([0,s],[],[])[0]
    if s in r:
        d=s.recv(1<<18)
        if not d:sys.exit(f"the agent at {name} is gone")
        while d:d=d[os.write(1,d):]
    if 0 in r:
        d=os.read(0,1<<18)
        if not d:break
        s.sendall(d)
"""
"""Copies between its standard streams and the agent until either of them ends.

By `_socket`: what the module around it loads takes as long as the interpreter's own start.
"""


ASK = """\
import json,socket,sys
line=("netproof %s\\n"%sys.argv[1]).encode()
for where in sys.argv[3:]:
    host,port=where.rsplit("/",1)
    try:
        with socket.create_connection((host,int(port)),float(sys.argv[2])) as s:
            s.sendall(line)
            told=[s.makefile().readline(),""]
    except OSError as e:
        told=["",type(e).__name__+": "+str(e)]
    print(json.dumps(told),flush=True)
"""
"""Asks agents who they are, one after another: a line each, the answer and the error."""


def ask_command(nonce: str, timeout_s: float, targets: Sequence[tuple[str, int]]) -> list[str]:
    """Return the command that asks the agents at some addresses and ports for their identity."""
    return [*PYTHON, ASK, nonce, str(timeout_s), *(f"{host}/{port}" for host, port in targets)]


def serve_command(
    identity: str,
    ports: Sequence[Port],
    instance: str,
    secret: str,
    listen: Sequence[str] = (),
    *,
    compiled: bool = False,
) -> list[str]:
    """Return the command of a probe pod.

    `identity` is what it answers with, `instance` keeps apart agents of one identity that share a
    network namespace, of `secret` its key is made, `listen` are the addresses to serve at, all of
    them where it is empty. `compiled` sends along what the program compiles to.
    """
    served = ",".join(str(port) for port in ports)
    control = control_name(identity, instance)
    words = [identity, control, served, ",".join(listen), agent_key(secret, identity, instance)]
    source = agent_source()
    program = [START, source, _compiled(source)] if compiled else [source]
    return [*PYTHON, *program, "serve", *words]


def agent_command(
    identity: str,
    ports: Sequence[Port],
    instance: str,
    secret: str,
    listens: Listens = Listens.EVERYWHERE,
    *,
    compiled: bool = False,
) -> list[str]:
    """Return the command that makes a container a probe pod, by where the pod is to listen."""
    where = LISTENS[listens]
    return serve_command(identity, ports, instance, secret, where, compiled=compiled)


def relay_command(identity: str, instance: str, starting_s: float = STARTING_S) -> list[str]:
    """Return the command that, run beside an agent, joins its standard streams to it."""
    return [*PYTHON, RELAY, control_name(identity, instance), str(starting_s)]


_STRIPPING = threading.Lock()
"""CPython 3.11 may fail to parse in several threads at once (SystemError, cpython#106905)."""


def agent_source() -> str:
    """Return the agent's program without what only its readers need."""
    with _STRIPPING:
        return _stripped()


@cache
def _stripped() -> str:
    text = resources.files(__package__).joinpath("agent.py").read_text(encoding="utf-8")
    program = ast.unparse(_Strip().visit(ast.parse(text)))
    # A blank a level does; no text of it runs over lines, for what is unparsed has them escaped.
    return re.sub("^(    )+", lambda deep: " " * (len(deep[0]) // 4), program, flags=re.MULTILINE)


def _compiled(source: str) -> str:
    """Return what `START` takes in place of a source: version, checksum, code."""
    with _STRIPPING:
        return _marshalled(source)


@cache
def _marshalled(source: str) -> str:
    code = zlib.compress(marshal.dumps(_bare(compile(source, "agent", "exec"))), 9)
    text = binascii.b2a_base64(code, newline=False).decode()
    return f"{MAGIC_NUMBER.hex()} {zlib.crc32(source.encode())} {text}"


def _bare(code: CodeType) -> CodeType:
    """Return code without numbers of lines, which nobody asks for and are half of it."""
    parts = (_bare(one) if isinstance(one, CodeType) else one for one in code.co_consts)
    return code.replace(co_linetable=b"", co_consts=tuple(parts))


class _Strip(ast.NodeTransformer):
    """Takes docstrings and annotations out of a program."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        for argument in (*node.args.args, *node.args.kwonlyargs):
            argument.annotation = None
        return self._undocumented(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._undocumented(node)

    def visit_Module(self, node: ast.Module) -> ast.AST:
        return self._undocumented(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            return node
        return ast.copy_location(ast.Assign([node.target], node.value), node)

    def _undocumented(self, node: ast.Module | ast.ClassDef | ast.FunctionDef) -> ast.AST:
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        return self.generic_visit(node)
