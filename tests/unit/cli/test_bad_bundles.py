"""Malformed bundles and intents end as one clear message with file and line, and exit code 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from netproof.front.cli import main

GOOD = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {containers: [{name: c, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: api, namespace: shop}
spec: {containers: [{name: c, ports: [{containerPort: 8080, name: http}]}]}
"""
HEAD = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
META = HEAD + "metadata: {name: p, namespace: shop}\n"
DEPLOYMENT = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, namespace: shop}\n"


def spec(text: str) -> str:
    """Return a policy with that spec, which is on line 4."""
    return f"{META}spec: {text}\n"


def rule(text: str) -> str:
    """Return a policy with that ingress rule, on line 4."""
    return spec(f"{{podSelector: {{}}, ingress: [{text}]}}")


BUNDLES: dict[str, tuple[str | bytes, int | None, str]] = {
    "wrong-indentation": (META + "spec:\n  podSelector: {}\n policyTypes: []\n", 6, "not YAML"),
    "tab": ("apiVersion: v1\nkind: Pod\nmetadata:\n\tname: x\n", 4, "tab"),
    "unclosed-brace": ("apiVersion: v1\nkind: {\n", 3, "not YAML"),
    "unclosed-quote": ('apiVersion: "v1\nkind: Pod\n', None, "not YAML"),
    "no-object": ("- just\n- a list\n", 1, "no Kubernetes object"),
    "a-word": ("hello\n", 1, "no Kubernetes object"),
    "no-kind": ("apiVersion: v1\n", 1, "kind is not set"),
    "no-api-version": ("kind: Pod\n", 1, "apiVersion is not set"),
    "kind-is-a-number": ("apiVersion: v1\nkind: 7\n", 2, "must be a string"),
    "only-others": ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n", None, "neither"),
    "empty": ("", None, "neither"),
    "only-comments": ("# nothing\n---\n", None, "neither"),
    "unknown-key": (spec("{podSelector: {}, ingres: []}"), 4, "did you mean ingress"),
    "unknown-key-of-a-rule": (rule("{form: []}"), 4, "did you mean from"),
    "empty-peer": (rule("{from: [{}]}"), 4, "must specify a peer"),
    "null-peer": (rule("{from: [~]}"), 4, "must specify a peer"),
    "port-out-of-range": (rule("{ports: [{port: 70000}]}"), 4, "between 1 and 65535"),
    "port-zero": (rule("{ports: [{port: 0}]}"), 4, "between 1 and 65535"),
    "port-in-quotes": (rule("{ports: [{port: '80'}]}"), 4, "without quotes"),
    "port-is-a-list": (rule("{ports: [{port: [80]}]}"), 4, "not a list"),
    "end-port-before-port": (rule("{ports: [{port: 9, endPort: 8}]}"), 4, "greater than"),
    "end-port-alone": (rule("{ports: [{endPort: 8}]}"), 4, "`port` is not specified"),
    "no-such-protocol": (rule("{ports: [{protocol: tcp}]}"), 4, "did you mean TCP"),
    "no-such-policy-type": (spec("{podSelector: {}, policyTypes: [Inbound]}"), 4, "Unsupported"),
    "wrong-cidr": (rule("{from: [{ipBlock: {cidr: 10.0.0.0}}]}"), 4, "valid CIDR"),
    "except-outside": (
        rule("{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [192.0.2.0/24]}}]}"),
        4,
        "strict subset",
    ),
    "block-and-pods": (
        rule("{from: [{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}]}"),
        4,
        "both ipBlock and another peer",
    ),
    "wrong-label": (spec("{podSelector: {matchLabels: {app: 'a b'}}}"), 4, "a valid label"),
    "label-is-a-number": (spec("{podSelector: {matchLabels: {app: 1}}}"), 4, "put it in quotes"),
    "wrong-operator": (
        spec("{podSelector: {matchExpressions: [{key: a, operator: Equals}]}}"),
        4,
        "not a valid selector operator",
    ),
    "no-name": (HEAD + "metadata: {}\nspec: {podSelector: {}}\n", 3, "name or generateName"),
    "upper-case-name": (HEAD + "metadata: {name: P}\nspec: {podSelector: {}}\n", 3, "lowercase"),
    "wrong-namespace": (HEAD + "metadata: {name: p, namespace: A_b}\nspec: {}\n", 3, "lowercase"),
    "key-twice": (META + "spec: {podSelector: {}}\nspec: {}\n", 5, "'spec' was given"),
    "object-twice": (spec("{podSelector: {}}") + "---\n" + spec("{podSelector: {}}"), 6, "twice"),
    "cyclic-anchor": ("apiVersion: &a [*a]\nkind: Pod\n", 1, "inside of what it refers to"),
    "unknown-anchor": ("apiVersion: *a\nkind: Pod\n", 1, "not there"),
    "anchor-bomb": (
        "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
        + "".join(
            f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 10)}]\n"
            for n in range(7)
        ),
        6,
        "values with its aliases",
    ),
    "too-deep": ("a: " + "[" * 150 + "]" * 150 + "\n", 1, "nested deeper"),
    "five-megabytes": (b"# " + b"x" * (5 * 1024 * 1024), None, "more than the"),
    "binary": (b"apiVersion: v1\nkind: \x00\x01\x02\n", 2, "NUL byte"),
    "latin-1": ("apiVersion: v1\nkind: Pod # é\n".encode("latin-1"), 2, "not UTF-8"),
    "utf-16": (GOOD.encode("utf-16"), 1, "save it as UTF-8"),
    "python-tag": ("apiVersion: v1\nkind: !!python/object:os.system x\n", 2, "remove the tag"),
    "no-template": (DEPLOYMENT + "spec: {}\n", 4, "needs a pod template"),
    "no-containers": (DEPLOYMENT + "spec: {template: {spec: {}}}\n", 4, "at least one container"),
    "spec-is-a-list": (DEPLOYMENT + "spec: []\n", 4, "must be a mapping"),
    "list-without-list": ("apiVersion: v1\nkind: List\nitems: {}\n", 3, "must be a list"),
}

INTENTS: dict[str, tuple[str | bytes, int | None, str]] = {
    "not-yaml": ("intents: [\n", 2, "not YAML"),
    "no-intents": ("other: []\n", 1, "must have a list `intents`"),
    "no-text": ("", None, "holds no intents"),
    "empty-list": ("intents: []\n", 1, "at least one intent"),
    "unknown-key": ("intents:\n  - alow: web -> api\n    reason: x\n", 2, "did you mean allow"),
    "two-stances": (
        "intents:\n  - {allow: web -> api, deny: web -> api, reason: x}\n",
        2,
        "exactly one of",
    ),
    "no-reason": ("intents:\n  - allow: web -> api\n", 2, "say why"),
    "unknown-workload": ("intents:\n  - {allow: wbe -> api, reason: x}\n", 2, "did you mean web"),
    "stated-twice": (
        "intents:\n  - {allow: web -> api, reason: x}\n  - {allow: web -> api, reason: z}\n",
        3,
        "stated in",
    ),
    "no-arrow": ("intents:\n  - {allow: web to api, reason: x}\n", 2, "states nothing"),
    "port-out-of-range": (
        "intents:\n  - {allow: 'web -> api:99999', reason: x}\n",
        2,
        "between 1 and 65535",
    ),
    "no-such-port-name": ("intents:\n  - {allow: 'web -> api:grpc', reason: x}\n", 2, "are http"),
    "wrong-exception": (
        "intents:\n  - {deny: web -> api, except: [no], reason: x}\n",
        2,
        "must be a string",
    ),
    "utf-16": ("intents: []\n".encode("utf-16"), 1, "save it as UTF-8"),
}


@pytest.mark.parametrize("name", BUNDLES)
def test_malformed_bundle(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A malformed bundle is refused with file, line and what to do, and without a traceback."""
    content, line, message = BUNDLES[name]
    file = tmp_path / "bundle.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())

    code = main(["check", "--static", str(file)])

    _refused(code, capsys.readouterr().err, file, line, message)


@pytest.mark.parametrize("name", INTENTS)
def test_malformed_intents(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Malformed intents are refused in the same way."""
    content, line, message = INTENTS[name]
    bundle, file = tmp_path / "bundle.yaml", tmp_path / "intents.yaml"
    bundle.write_text(GOOD)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())

    code = main(["check", "--static", str(bundle), "--intents", str(file)])

    _refused(code, capsys.readouterr().err, file, line, message)


def _refused(code: int, told: str, file: Path, line: int | None, message: str) -> None:
    place = f"{file}:{line}: " if line else f"{file}"
    assert 2 == code
    assert told.startswith(f"netproof: {place}"), told
    assert message in told


def test_there_are_fifty_and_more() -> None:
    """There are more than fifty malformed inputs."""
    assert 50 <= len(BUNDLES) + len(INTENTS)


@pytest.mark.parametrize("ends", ["\r\n", "\n"])
def test_line_ends_of_windows_are_fine(ends: str, tmp_path: Path) -> None:
    """Line ends of Windows are no mistake."""
    file = tmp_path / "bundle.yaml"
    file.write_bytes(GOOD.replace("\n", ends).encode())

    assert 0 == main(["check", "--static", str(file)])


def test_byte_order_mark_is_fine(tmp_path: Path) -> None:
    """A byte order mark of UTF-8 is no mistake."""
    file = tmp_path / "bundle.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())

    assert 0 == main(["check", "--static", str(file)])
