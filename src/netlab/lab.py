"""The inside of the lab, wired together: one event loop, one thread, everything in it.

Must not know: how a process got to be the first of its namespaces, or who started it.
"""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import Callable
from typing import Any

from netlab import defects
from netlab.apiserver import tls
from netlab.apiserver.registry import Registry
from netlab.apiserver.resources import BY_PLURAL
from netlab.apiserver.server import ApiServer
from netlab.apiserver.store import Store, now
from netlab.controllers import dns, nodes
from netlab.controllers.endpoints import EndpointsController
from netlab.controllers.events import Recorder
from netlab.controllers.machine import Machine
from netlab.controllers.namespaces import NamespaceController
from netlab.controllers.pods import PodController
from netlab.controllers.policies import PolicyController
from netlab.controllers.quotas import QuotaController
from netlab.controllers.roles import RoleController, create_built_in
from netlab.dataplane import Dataplane, dataplane
from netlab.dataplane.nft import Nft, NftError
from netlab.dataplane.view import NodeInfo
from netlab.node.addresses import API_IP
from netlab.node.faults import RUNTIMES
from netlab.node.mounts import Views, pod_environment
from netlab.node.network import Network
from netlab.node.process import Reaper, StraySweeper
from netlab.node.runtime import LabRuntime, RunningPod
from netlab.node.sandbox import Sandboxes
from netlab.settings import Settings
from netlab.statedir import AUTHORITY

_TOKEN_BYTES = 32
_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
# An object like any cluster's; pods have no use for the API, so nothing answers behind it.
_KUBERNETES_SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {
        "name": "kubernetes",
        "namespace": "default",
        "labels": {"component": "apiserver", "provider": "kubernetes"},
    },
    "spec": {"clusterIP": API_IP, "ports": [{"name": "https", "port": 443, "targetPort": 6443}]},
}


async def serve(
    settings: Settings, listener: socket.socket, report: Callable[[dict[str, Any]], None]
) -> None:
    """Build the cluster, report how to reach it, and serve until this process is killed."""
    network = Network.build(settings.nodes)
    store = Store()
    registry = Registry(store)
    chosen = defects.choose(settings.defects)
    plane = dataplane(settings.dataplane, chosen.dataplane, settings.options)
    policies = _enforce_policies(plane, network, store)
    names = dns.ClusterDns(store, registry)
    runtime = _run_pods(RUNTIMES[chosen.forwarding], network, store, policies, names)
    certificates, token = tls.make_certificates(), secrets.token_hex(_TOKEN_BYTES)
    NamespaceController(store, registry, ca_pem=certificates.ca_pem).start()
    EndpointsController(store).start()
    QuotaController(store).start()
    RoleController(store).start()
    _create_objects(network, store, registry, names)
    server = ApiServer(
        store,
        runtime,
        token=token,
        ssl=tls.server_context(certificates),
        get_opens_streams=chosen.get_opens_streams,
    )
    await server.start(listener)
    url = f"https://127.0.0.1:{listener.getsockname()[1]}"
    authority = certificates.ca_pem
    kubeconfig = tls.kubeconfig(url, authority, token, settings.name, ca_file=AUTHORITY)
    reached = {"server": url, "authority": authority.decode(), "kubeconfig": kubeconfig}
    report({"ok": True, "nodes": list(network.nodes), **reached})
    await asyncio.Event().wait()


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
) -> LabRuntime:
    """Start scheduler and kubelets; return what the API needs of them."""
    loop = asyncio.get_running_loop()
    reaper = Reaper(loop)
    pods: dict[str, RunningPod] = {}
    machine = Machine(
        store=store,
        network=network,
        sandboxes=Sandboxes(network, Views()),
        reaper=reaper,
        sweeper=StraySweeper(loop),
        running=pods,
        events=Recorder(store, "kubelet", now),
        policies_settled=lambda: _in_force(policies),
        built_in={dns.POD_KEY: names.serve},
        environment=pod_environment(),
    )
    PodController(machine, Recorder(store, "default-scheduler", now))
    namespaces = {name: node.netns for name, node in network.nodes.items()}
    return runtime(pods, reaper, namespaces)


async def _in_force(policies: PolicyController) -> None:
    # Rules that the kernel refuses are told by the node's status; its pods start nevertheless,
    # as they do on a node whose network plugin has trouble with a policy.
    with contextlib.suppress(NftError):
        await policies.settled()


def _create_objects(
    network: Network, store: Store, registry: Registry, names: dns.ClusterDns
) -> None:
    """Create what a cluster has from the start."""
    for node in network.nodes.values():
        store.create("nodes", nodes.node_object(node.addresses, now()))
    store.create("nodes", nodes.outside_object(now()))
    for namespace in _NAMESPACES:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        registry.create(BY_PLURAL["namespaces"], None, body)
    registry.create(BY_PLURAL["services"], "default", _KUBERNETES_SERVICE)
    create_built_in(registry)
    names.create_objects()
