"""A kind cluster with the CNI of a profile: created, installed, waited for, removed.

The steps live in modules of their own: `machine`, `clusterconfig`, `commands`, `installation`.
What is here is their order, and what becomes of the cluster when one of them fails.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import netproof
from netproof.cluster.backend import ClusterRef
from netproof.cluster.kind import (
    clusterconfig,
    containers,
    downloads,
    engine,
    host,
    images,
    installation,
    machine,
    offline,
)
from netproof.cluster.kind.commands import KindCommands, is_name_taken
from netproof.cluster.kind.installation import Installer, Say
from netproof.cluster.kind.machine import Tools
from netproof.cluster.outside import OutsideContainer
from netproof.cluster.placement import ANYWHERE, PodOptions
from netproof.cluster.profiles import reading, versions
from netproof.cluster.profiles.declaration import IpFamily
from netproof.cluster.profiles.profile import Profile
from netproof.cluster.profiles.versions import number
from netproof.errors import ClusterError, UsageError

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
"""kind takes more, but a node's host name, `<name>-control-plane`, has to fit into 63."""

LOGS = "cluster-logs"


@dataclass(frozen=True, slots=True)
class KindOptions:
    """What kind of kind cluster; "" and None leave it to the profile.

    `name` "" is `netproof-<cni>` for a cluster that is kept or reused, and else one of its own for
    each run. `logs` has the cluster's logs collected in any case, not only after a failure.
    `require_verified` refuses downloads without a checksum and images without a digest.
    `probe_image` "" leaves it to the nodes to pull the image of the probes. `aliases` are further
    names of images in the archives.
    """

    cni: str
    run_id: str
    configs: Path
    report_dir: Path
    probe_image: str = ""
    name: str = ""
    config: Path | None = None
    node_image: str = ""
    cni_version: str = ""
    cni_way: str = ""
    family: IpFamily | None = None
    image_archives: tuple[Path, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    downloads: Path | None = None
    offline: Path | None = None
    keep: bool = False
    reuse: bool = False
    logs: bool = False
    skipped_checks: tuple[str, ...] = ()
    require_verified: bool = False
    pods: PodOptions = ANYWHERE

    @property
    def lasting(self) -> bool:
        """Tell whether the cluster outlives the run."""
        return self.keep or self.reuse

    @property
    def cluster(self) -> str:
        """The name of the cluster."""
        return self.name or (
            f"netproof-{self.cni}" if self.lasting else f"np-{self.cni}-{self.run_id}"
        )


@dataclass(frozen=True, slots=True)
class _Plan:
    """What was asked for, read and found to be possible, before anything is created.

    `brought` are the images that are in archives, by their archive.
    """

    profile: Profile
    config: clusterconfig.Obj
    get: downloads.Fetch
    brought: Mapping[str, Path]


class KindCluster:
    """A kind cluster behind the protocol ClusterBackend."""

    def __init__(self, options: KindOptions, say: Say) -> None:
        """Keep the options; nothing is started yet. `say` takes sentences on the progress."""
        self._options = options
        self._say = say
        self._kind: KindCommands | None = None
        self._made = False
        self._outside: OutsideContainer | None = None

    def start(self) -> ClusterRef:
        """Return when the cluster is up with its CNI.

        Raises UsageError where it cannot be as asked for, ClusterError with the failing tool's
        last words where a step fails; the cluster's logs are collected then, and it is removed
        unless it is to be kept.
        """
        _check_name(self._options.cluster)
        home = Path(tempfile.mkdtemp(prefix=f"netproof-{self._options.cluster}-"))
        try:
            if self._options.offline is not None:
                bundle = self._options.offline
                self._options = _without_internet(self._options, bundle, home, self._say)
            plan = _plan(self._options)
            found = machine.find(home, helm=plan.profile.needs_helm)
            self._kind = KindCommands(found, self._options.cluster)
            self._bring_up(self._kind, plan)
            self._outside = self._place_outside(found, plan.brought)
        except BaseException:
            self._give_up(home)
            raise
        return self._ref(found, plan.profile)

    def stop(self) -> None:
        """Remove the cluster, unless it is to be kept or was there before."""
        kind, self._kind = self._kind, None
        if kind is None:
            return
        try:
            self._remove_outside()
        finally:
            self._end(kind)

    def _end(self, kind: KindCommands) -> None:
        if self._made and self._options.logs:
            self._export_logs(kind)
        if self._made and self._options.lasting:
            self._say(
                f"the cluster {kind.name} stays: export KUBECONFIG={kind.tools.kubeconfig}; "
                f"remove it with: kind delete cluster --name {kind.name}"
            )
            return
        try:
            if self._made:
                kind.delete()
        finally:
            shutil.rmtree(kind.tools.home, ignore_errors=True)

    def _bring_up(self, kind: KindCommands, plan: _Plan) -> None:
        options, profile = self._options, plan.profile
        machine.check_kind(kind.tools, profile)
        if options.offline is not None:
            self._say(f"loading the node image {options.node_image}")
            engine.load(kind.tools, kind.tools.home / offline.DOWNLOADS / offline.NODE_IMAGES)
        _check_host(kind.tools, plan, options.skipped_checks)
        if not self._take_over(kind):
            self._create(kind, plan.config)
            self._load_images(kind, plan.brought)
            installer = Installer(kind, plan.get, self._say)
            installer.install(profile, clusterconfig.family_of(plan.config))
        self._say(f"the profile {profile.name}: {profile.verification}")
        self._say(f"waiting until {profile.title} {profile.version} is ready")
        installation.wait_ready(kind.tools, profile.ready)

    def _take_over(self, kind: KindCommands) -> bool:
        """Tell whether the cluster is there and to be used; raise UsageError where it is not to."""
        if not kind.exists():
            return False
        if not self._options.reuse:
            raise UsageError(
                f"a kind cluster {kind.name} is there already; pass --reuse-cluster to use it, "
                f"--cluster-name for another, or remove it: kind delete cluster --name {kind.name}"
            )
        self._say(f"using the kind cluster {kind.name} as it is")
        kind.adopt()
        return True

    def _create(self, kind: KindCommands, config: clusterconfig.Obj) -> None:
        self._say(f"creating the kind cluster {kind.name} with {kind.tools.engine}")
        file = kind.tools.home / "kind.yaml"
        file.write_text(clusterconfig.render(config), encoding="utf-8")
        self._made = True
        try:
            kind.create(file)
        except ClusterError as error:
            # Somebody was faster with this name: that cluster is not ours to remove.
            self._made = not is_name_taken(error)
            raise

    def _load_images(self, kind: KindCommands, brought: Collection[str]) -> None:
        for archive in self._options.image_archives:
            self._say(f"loading the images of {archive}")
            kind.load(archive)
        for name, image in self._options.aliases.items():
            kind.alias(image, name)
        image = self._options.probe_image
        # An archive keeps no digest: an image that is named by it is the nodes' to pull.
        if image and not (clusterconfig.DIGEST.search(image) or images.spelled(image) in brought):
            self._preload(kind, image)

    def _preload(self, kind: KindCommands, image: str) -> None:
        """Pull the probes' image once instead of once a node; the nodes pull it where it fails."""
        found, archive = kind.tools, kind.tools.home / "probe-image.tar"
        try:
            engine.save(found, [engine.hold(found, image, self._say)], archive)
            kind.load(archive)
        except ClusterError as error:
            self._say(f"{error}\n    so the nodes pull it for themselves")
        finally:
            archive.unlink(missing_ok=True)

    def _place_outside(self, tools: Tools, brought: Mapping[str, Path]) -> OutsideContainer | None:
        """Return where a container can stand for the world; None where no image is had for it.

        It is the probes' image, which the engine has mostly pulled for the nodes already. What
        stands in it is the run's to start, and goes with the cluster, also with one that stays.
        """
        options, wanted = self._options, self._options.probe_image
        if not wanted:
            return None
        wanted = options.aliases.get(offline.by_digest(wanted), wanted)  # as an archive has it
        try:
            image = self._held(tools, wanted, brought)
        except ClusterError as error:
            self._say(f"{error}\n    so nobody stands for the world outside the cluster")
            return None
        network, name = containers.network_of(tools.engine), f"np-outside-{options.run_id}"
        return OutsideContainer(tools.engine, name, network, image, options.run_id)

    def _held(self, tools: Tools, image: str, brought: Mapping[str, Path]) -> str:
        """Have the engine hold an image, and return its name there.

        One that is named by its digest the nodes pull for themselves, and nobody else does.
        """
        if clusterconfig.DIGEST.search(image):
            known = offline.by_digest(image)
            if engine.has(tools, known):
                return known
            raise ClusterError(
                f"{tools.engine} has not {image}, which the nodes pull for themselves: "
                f"`{tools.engine} pull {image}` beforehand has it there"
            )
        archive = brought.get(images.spelled(image))
        if archive is None:
            return engine.hold(tools, image, self._say).source
        if not engine.has(tools, image):
            self._say(f"loading the images of {archive} into {tools.engine}")
            engine.load(tools, archive)
        return image

    def _remove_outside(self) -> None:
        place, self._outside = self._outside, None
        if place is not None:
            containers.remove(place.engine, place.name)

    def _give_up(self, home: Path) -> None:
        """Collect the logs and remove the cluster; the failure before this one is what is told."""
        if self._kind is None:
            shutil.rmtree(home, ignore_errors=True)
            return
        if self._made and not self._options.logs:
            self._export_logs(self._kind)
        try:
            self.stop()
        except ClusterError as error:
            self._say(str(error))

    def _export_logs(self, kind: KindCommands) -> None:
        folder = self._options.report_dir / LOGS / kind.name
        try:
            kind.export_logs(folder)
        except ClusterError as error:
            self._say(str(error))
        else:
            self._say(f"the logs of the cluster are in {folder}")

    def _ref(self, found: Tools, profile: Profile) -> ClusterRef:
        return ClusterRef(
            kind="kind",
            name=self._options.cluster,
            kubeconfig=str(found.kubeconfig),
            context=f"kind-{self._options.cluster}",
            dataplane=f"{profile.title} {profile.version}",
            enforces=profile.enforces,
            probe_timeout_s=profile.probe_timeout_s,
            converge_s=profile.converge_s,
            pods=self._options.pods,
            gaps=profile.gaps,
            capabilities=profile.capabilities,
            stance=profile.stance,
            outside=self._outside,
        )


def _without_internet(options: KindOptions, bundle: Path, home: Path, say: Say) -> KindOptions:
    """Return the options for a run that takes everything from one file; it is unpacked."""
    if options.downloads or options.image_archives or options.node_image or options.config:
        raise UsageError("--offline brings downloads, images and kind config: name none besides")
    if options.require_verified:
        raise UsageError(
            "--require-verified is for making the file (netproof profile bundle): its images go by "
            "tag here, and the checksums of all are in it"
        )
    say(f"unpacking {bundle}")
    about = offline.unpack(bundle, home)
    if about.cni != options.cni:
        raise UsageError(f"--offline {bundle} is for {about.cni}, not for {options.cni}")
    if options.cni_version.removeprefix("v") not in ("", about.version.removeprefix("v")):
        raise UsageError(f"--offline {bundle} has {about.cni} {about.version} and no other")
    if options.cni_way not in ("", about.way):
        raise UsageError(f"--offline {bundle} was made for --cni-way {about.way or 'none'}")
    if images.spelled(options.probe_image) != images.spelled(about.probe_image):
        raise UsageError(f"--offline {bundle} has the probe image {about.probe_image}: name that")
    if about.netproof != netproof.__version__:
        say(f"{bundle} was made by netproof {about.netproof}, this is {netproof.__version__}")
    for text in about.differs:
        say(f"{bundle}: {text}")
    return replace(
        options,
        configs=home / offline.PROFILES,
        downloads=home / offline.DOWNLOADS,
        image_archives=(home / offline.DOWNLOADS / offline.POD_IMAGES,),
        node_image=about.node_image,
        aliases=about.aliases,
        cni_way=about.way,
    )


def _check_name(cluster: str) -> None:
    if not NAME.fullmatch(cluster):
        raise UsageError(
            f"--cluster-name {cluster}: up to 40 lower case letters, digits and hyphens"
        )


def _plan(options: KindOptions) -> _Plan:
    """Read and check everything that can be without creating anything."""
    brought: dict[str, Path] = {}
    for archive in options.image_archives:
        if not archive.is_file():
            raise UsageError(f"--image-archive {archive}: there is no such file")
        brought |= dict.fromkeys(images.archived(archive), archive)
    profile = reading.load(options.cni, options.configs)
    profile = versions.choose(versions.by_way(profile, options.cni_way), options.cni_version)
    file = options.config or profile.kind_config
    config = clusterconfig.read(file)
    if options.node_image:
        config = clusterconfig.with_image(config, options.node_image)
    if options.family is not None:
        config = clusterconfig.fitted(config, options.family)
    clusterconfig.check(config, profile, file)
    if options.require_verified:
        downloads.refuse_unverified(profile)
        clusterconfig.refuse_unverified(config, file)
    get = downloads.from_folder(options.downloads) if options.downloads else downloads.fetch
    return _Plan(profile, config, get, brought)


def _check_host(found: Tools, plan: _Plan, skipped: Collection[str]) -> None:
    """Raise UsageError for what this machine lacks, and for a check that is not one of it."""
    needs = plan.profile.host
    known = (*host.NAMED, *needs.loaded, *needs.available)
    for name in skipped:
        if name not in known:
            raise UsageError(f"--skip-host-check {name}: there are {', '.join(known)}")
    if not machine.is_local(found):
        return
    images = clusterconfig.images_of(plan.config)
    newest = max((machine.kubernetes_of(found, image) for image in images), key=number, default="")
    lacking = host.lacks(needs, kubernetes=newest, skipped=skipped)
    if lacking:
        listed = "\n".join(f"    {lack.check}: {lack.text}" for lack in lacking)
        raise UsageError(
            f"this machine is not fit for {plan.profile.title} on kind "
            f"(--skip-host-check NAME leaves a check out):\n{listed}"
        )
