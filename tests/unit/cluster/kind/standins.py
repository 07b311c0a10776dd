"""Stand-ins for docker, kind, helm and kubectl: they write down their calls and fail when told.

They are small shell scripts on a PATH of their own. The engine has the images that stand in a
file, with their digests, and pulls all others, unless there is no registry. A cluster "exists"
while its name stands in a file; its kubeconfig is made from a template, which may lead to a real
API.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from netproof.cluster.kind.downloads import file_name, pinned_artifacts
from netproof.cluster.profiles import reading

TOOLS = ("docker", "kind", "helm", "kubectl")

LAST_WORDS = "it broke for want of a nail"

TEMPLATE = """\
apiVersion: v1
kind: Config
current-context: kind-@NAME@
clusters: [{name: kind-@NAME@, cluster: {server: "https://127.0.0.1:1"}}]
contexts: [{name: kind-@NAME@, context: {cluster: kind-@NAME@, user: kind-@NAME@}}]
users: [{name: kind-@NAME@, user: {token: none}}]
"""

_SCRIPT = r"""#!/bin/sh
state=@STATE@
tool=${0##*/}
call="$tool $*"
printf '%s\n' "$call" >> "$state/calls"
env | grep -E '^(KUBECONFIG|HELM_[A-Z]*_HOME|KIND_EXPERIMENTAL_PROVIDER)=' >> "$state/environment"
if [ -s "$state/fail" ]; then
  case "$call" in *"$(cat "$state/fail")"*) echo "$tool: @LAST_WORDS@" >&2; exit 1 ;; esac
fi
if [ -s "$state/hang" ]; then
  case "$call" in *"$(cat "$state/hang")"*) touch "$state/hangs"; exec sleep 600 ;; esac
fi
name= kubeconfig= out= last=
for word in "$@"; do
  case "$last" in
    --name) name=$word ;;
    --kubeconfig) kubeconfig=$word ;;
    -o) out=$word ;;
    --label) printf '%s\n' "${word#*=}" >> "$state/labels-of-$name" ;;
  esac
  last=$word
done
case "$call" in
  "docker info"*) echo "Some Linux" ;;
  "docker run --detach"*) echo "$name" >> "$state/containers" ;;
  "docker ps"*) cat "$state/containers" ;;
  "docker inspect"*) cat "$state/labels-of-$last" ;;
  "docker rm"*)
    grep -vx "$last" "$state/containers" > "$state/rest"; mv "$state/rest" "$state/containers" ;;
  "docker run"*) cat "$state/kubernetes" || exit 125 ;;
  "docker image inspect"*) grep "^$last " "$state/images" | cut -d' ' -f2 | grep . ;;
  "docker pull"*)
    if [ -e "$state/no-registry" ]; then echo "docker: @LAST_WORDS@" >&2; exit 1; fi
    echo "$last []" >> "$state/images" ;;
  "docker save"*)
    shift 3
    tags=$(printf ',"%s"' "$@")
    printf '[{"RepoTags":[%s]}]' "${tags#,}" > "$state/manifest.json"
    tar -C "$state" -cf "$out" manifest.json ;;
  "helm template"*) cat "$state/chart.yaml" ;;
  "kind version") cat "$state/version" ;;
  "kind get clusters") cat "$state/clusters" ;;
  "kind get nodes"*) echo "$name-control-plane $name-worker $name-worker2" ;;
  "kind create cluster"*)
    if grep -qx "$name" "$state/clusters"; then
      echo "ERROR: node(s) already exist for a cluster with the name \"$name\"" >&2; exit 1
    fi
    echo "$name" >> "$state/clusters"
    sed "s/@NAME@/$name/g" "$state/kubeconfig" > "$kubeconfig" ;;
  "kind export kubeconfig"*) sed "s/@NAME@/$name/g" "$state/kubeconfig" > "$kubeconfig" ;;
  "kind export logs"*) mkdir -p "$3" && echo log > "$3/kubelet.log" ;;
  "kind delete cluster"*)
    grep -vx "$name" "$state/clusters" > "$state/rest"; mv "$state/rest" "$state/clusters" ;;
  "kubectl"*" get "*) cat "$state/object.json" ;;
esac
"""

OBJECT = """{"metadata": {"name": "it", "generation": 1}, "spec": {"replicas": 1},
"items": [{"metadata": {"name": "worker"},
           "status": {"conditions": [{"type": "Ready", "status": "True"}]}}],
"status": {"observedGeneration": 1, "desiredNumberScheduled": 3, "numberReady": 3,
"updatedNumberScheduled": 3, "readyReplicas": 1}}
"""
"""What kubectl prints of whatever is asked for: a thing that is ready."""


CHART = """kind: DaemonSet
metadata: {name: cilium}
spec: {template: {spec: {containers: [{image: "quay.io/cilium/cilium:v1.20.2"}]}}}
---
kind: DaemonSet
metadata: {name: cilium-envoy}
---
kind: Deployment
metadata: {name: cilium-operator}
"""
"""What Helm prints of whatever chart."""


@dataclass(frozen=True, slots=True)
class StandIns:
    """A folder of stand-ins with their state."""

    bin: Path
    state: Path

    def calls(self) -> list[str]:
        """Return the calls so far, in order."""
        return (self.state / "calls").read_text().splitlines()

    def environment(self) -> set[str]:
        """Return what the tools were told by their environment."""
        return set((self.state / "environment").read_text().splitlines())

    def clusters(self) -> list[str]:
        """Return the names of the clusters that are there."""
        return (self.state / "clusters").read_text().split()

    def containers(self) -> list[str]:
        """Return the names of the containers beside the nodes that are there."""
        return (self.state / "containers").read_text().split()

    def fail_at(self, part: str) -> None:
        """Have each call fail that has this in its command line."""
        (self.state / "fail").write_text(part)

    def hang_at(self, part: str) -> None:
        """Have each call hang that has this in its command line."""
        (self.state / "hang").write_text(part)

    def have_image(self, image: str, *digests: str) -> None:
        """Have the engine hold an image, which registries call so."""
        with (self.state / "images").open("a") as file:
            file.write(f"{image} {json.dumps(digests, separators=(',', ':'))}\n")

    def cut_off(self) -> None:
        """Have no registry answer from now on."""
        (self.state / "no-registry").touch()

    def forget(self) -> None:
        """Forget the calls so far."""
        (self.state / "calls").write_text("")


def make(folder: Path, tools: tuple[str, ...] = TOOLS, template: str = TEMPLATE) -> StandIns:
    """Write stand-ins for some tools into a folder."""
    made = StandIns(folder / "bin", folder / "state")
    made.bin.mkdir(parents=True)
    made.state.mkdir()
    script = _SCRIPT.replace("@STATE@", f"'{made.state}'").replace("@LAST_WORDS@", LAST_WORDS)
    for tool in tools:
        (made.bin / tool).write_text(script)
        (made.bin / tool).chmod(0o755)
    for name in ("calls", "environment", "clusters", "images", "containers"):
        (made.state / name).touch()
    (made.state / "version").write_text("kind v0.32.0 go1.26 linux/amd64\n")
    (made.state / "object.json").write_text(OBJECT)
    (made.state / "chart.yaml").write_text(CHART)
    (made.state / "kubeconfig").write_text(template)
    return made


def image_archive(file: Path, *names: str) -> Path:
    """Write an archive of images that holds none, as `docker save` lists them."""
    listing = json.dumps([{"RepoTags": [name]} for name in names]).encode()
    with tarfile.open(file, "w") as archive:
        entry = tarfile.TarInfo("manifest.json")
        entry.size = len(listing)
        archive.addfile(entry, io.BytesIO(listing))
    return file


@dataclass(frozen=True, slots=True)
class Offline:
    """A copy of the CNI profiles whose checksums are those of made-up downloads."""

    profiles: Path
    downloads: Path


def offline(folder: Path) -> Offline:
    """Make up a download for every address of every profile, and pin it in a copy of them."""
    made = Offline(folder / "kind-configs", folder / "downloads")
    shutil.copytree(reading.folder(), made.profiles)
    made.downloads.mkdir()
    profiles, downloads = _made_up()
    for name, text in profiles.items():
        (made.profiles / name / reading.FILE).write_text(text)
    for name, data in downloads.items():
        (made.downloads / name).write_bytes(data)
    return made


@cache
def _made_up() -> tuple[dict[str, str], dict[str, bytes]]:
    """Return each profile with the checksums of downloads that are made up, and those by name."""
    profiles, downloads = {}, {}
    for name in reading.names(reading.folder()):
        profile = reading.load(name, reading.folder())
        text = profile.file.read_text()
        for declared in pinned_artifacts(profile):
            data = downloads[file_name(declared.url)] = _download(declared.url)
            if declared.sha256:
                text = text.replace(declared.sha256, hashlib.sha256(data).hexdigest())
        profiles[name] = text
    return profiles, downloads


def checksum(file: Path) -> str:
    """Return the checksum of a file as profiles have it."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def rewrite(made: Offline, cni: str, name: str, text: str) -> None:
    """Put a text in a download's place, and its checksum in the copy of the CNI's profile."""
    file, profile = made.downloads / name, made.profiles / cni / reading.FILE
    before = checksum(file)
    file.write_text(text)
    profile.write_text(profile.read_text().replace(before, checksum(file)))


def _download(url: str) -> bytes:
    if "cni-plugins" not in url:
        return f"# stands for {url}\n".encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name in ("LICENSE", "bridge"):
            data = f"{name} of {url}".encode()
            entry = tarfile.TarInfo(f"./{name}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return packed.getvalue()
