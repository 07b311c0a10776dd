"""The inside of the lab, put together: one event loop, one thread, everything in it.

Must not know: how a process got to be the first of its namespaces, or who started it.
"""

import asyncio
import secrets
import socket
from collections.abc import Callable
from typing import Any

from netlab.controllers import dns
from netlab.controllers.bootstrap import create_objects
from netlab.controllers.clusterroles import ClusterRoleController
from netlab.controllers.endpoints import EndpointsController
from netlab.controllers.machine import EventRecorder, LabMachine
from netlab.controllers.namespaces import NamespaceController, QuotaController
from netlab.controllers.pods import PodController
from netlab.controllers.policies import PolicyController
from netlab.dataplane import badnetwork
from netlab.dataplane.badnetwork import BadNetwork
from netlab.dataplane.clusterstate import NodeInfo
from netlab.dataplane.nft import Nft, NftError
from netlab.dataplane.planes import Dataplane, make_dataplane
from netlab.http.certificates import kubeconfig_text, make_certificates
from netlab.http.server import ApiServer
from netlab.node import latepackets
from netlab.node.mounts import MountViews, pod_environment
from netlab.node.network import Network
from netlab.node.reaping import Reaper, StraySweeper
from netlab.node.runtime import RUNTIMES, LabRuntime, RunningPod
from netlab.node.sandbox import Sandboxes
from netlab.objects.registry import Registry
from netlab.objects.store import Store, now
from netlab.problems import StartError
from netlab.process import listening
from netlab.process.settings import LabSettings, choose_defects
from netlab.process.statedir import AUTHORITY

_TOKEN_BYTES = 32


async def serve(
    settings: LabSettings, listener: socket.socket, report: Callable[[dict[str, Any]], None]
) -> None:
    """Build the cluster, report how to reach it, and serve until this process is killed."""
    network = Network.build(settings.nodes)
    report({"progress": "wired its nodes"})
    reaper = Reaper(asyncio.get_running_loop())
    apart: Apart = {}
    if settings.network.is_bad:
        apart |= _spoil(settings.network, network, reaper)
        report({"progress": "spoilt its network"})
    store = Store()
    registry = Registry(store)
    chosen = choose_defects(settings.defects)
    plane = make_dataplane(settings.dataplane, chosen.dataplane, settings.options)
    policies = _enforce_policies(plane, network, store)
    names = dns.ClusterDns(store, registry)
    runtime = _run_pods(RUNTIMES[chosen.forwarding], network, store, policies, names, reaper)
    report({"progress": "loaded its rules"})
    certificates, token = make_certificates(), secrets.token_hex(_TOKEN_BYTES)
    NamespaceController(store, registry, ca_pem=certificates.ca_pem).start()
    EndpointsController(store).start()
    QuotaController(store).start()
    ClusterRoleController(store).start()
    create_objects(network, store, registry, names)
    report({"progress": "created its first objects"})
    server = ApiServer(
        store,
        runtime,
        token=token,
        certificates=certificates,
        get_opens_streams=chosen.get_opens_streams,
    )
    if settings.stall_s:
        apart |= _hang_at_intervals(listener, server, settings.stall_s, reaper)
    else:
        server.start(listener)
    url = f"https://127.0.0.1:{listener.getsockname()[1]}"
    authority = certificates.ca_pem
    kubeconfig = kubeconfig_text(url, authority, token, settings.name, ca_file=AUTHORITY)
    reached = {"server": url, "authority": authority.decode(), "kubeconfig": kubeconfig}
    report({"ok": True, "nodes": list(network.nodes), **reached})
    await _outlive(apart)


def _enforce_policies(plane: Dataplane, network: Network, store: Store) -> PolicyController:
    """Give every node an nftables context and keep its rules as the objects say."""
    nfts: dict[str, Nft] = {}
    for name, node in network.nodes.items():
        with node.netns:
            nfts[name] = Nft()
    infos = tuple(NodeInfo(name, node.addresses.ips) for name, node in network.nodes.items())
    return PolicyController(store, plane, nfts, infos)


def _run_pods(
    runtime: type[LabRuntime],
    network: Network,
    store: Store,
    policies: PolicyController,
    names: dns.ClusterDns,
    reaper: Reaper,
) -> LabRuntime:
    """Start scheduler and kubelets; return what the API needs of them."""
    loop = asyncio.get_running_loop()
    pods: dict[str, RunningPod] = {}
    machine = LabMachine(
        store=store,
        network=network,
        sandboxes=Sandboxes(network, MountViews()),
        reaper=reaper,
        sweeper=StraySweeper(loop),
        running=pods,
        events=EventRecorder(store, "kubelet", now),
        policies=policies,
        built_in={dns.DNS_POD_KEY: names.serve},
        environment=pod_environment(),
    )
    PodController(machine, EventRecorder(store, "default-scheduler", now))
    namespaces = {name: node.netns for name, node in network.nodes.items()}
    return runtime(pods, reaper, namespaces)


Apart = dict["asyncio.Future[int]", str]
"""Processes of their own, by their ends: what each does, and the lab is nothing without."""


def _spoil(bad: BadNetwork, network: Network, reaper: Reaper) -> Apart:
    """Have every node lose packets and hand on the rest late; raise StartError."""
    pods = [cidr for node in network.nodes.values() for cidr in node.addresses.pod_cidrs]
    queues: list[socket.socket] = []
    try:
        for node in network.nodes.values():
            with node.netns, Nft() as nft:
                nft.run(badnetwork.tables(bad, node.addresses.pod_cidrs, pods))
                if bad.is_late:
                    latepackets.queue_all(badnetwork.TABLE, badnetwork.LATE)
                    queues.append(latepackets.open_queue())
    except (OSError, NftError) as error:
        remedy = (
            "it takes a kernel with CONFIG_NETFILTER_NETLINK_QUEUE, CONFIG_NETFILTER_XT_TARGET_"
            "NFQUEUE and CONFIG_NFT_COMPAT for a delay, with CONFIG_NFT_NUMGEN for a loss"
        )
        raise StartError("a bad network", str(error), remedy) from error
    if not queues:
        return {}
    each_way = bad.delay_s / 2, bad.jitter_s / 2
    pid = latepackets.apart(queues, lambda: latepackets.send_on_late(queues, *each_way))
    for queue in queues:
        queue.close()
    return {reaper.watch(pid): "what makes its packets late"}


def _hang_at_intervals(
    listener: socket.socket, server: ApiServer, stall_s: float, reaper: Reaper
) -> Apart:
    """Serve behind a relay that hangs now and then; the listener is the relay's."""
    inner = listening.open_listener(None, 0)
    port = inner.getsockname()[1]
    relay = latepackets.apart(
        [listener], lambda: asyncio.run(listening.stall(listener, port, stall_s))
    )
    server.start(inner)
    return {reaper.watch(relay): "what makes its API hang"}


async def _outlive(apart: Apart) -> None:
    """Wait for ever, or until a process ends without which the lab is not what was asked for."""
    if not apart:
        await asyncio.Event().wait()
    done, _ = await asyncio.wait(apart, return_when=asyncio.FIRST_COMPLETED)
    for ended in done:
        raise ChildProcessError(f"{apart[ended]} ended with exit code {ended.result()}")
