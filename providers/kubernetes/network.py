"""Creates network policies that deny every connection except those that links declare."""

from collections.abc import Iterable, Mapping, Sequence

import pulumi
from pulumi_kubernetes import meta, networking

from components.base import Link, Program, Workload
from providers.kubernetes.naming import Naming, dns_label

_DNS = (53, 5353)
"""Where name servers listen: as a service, and their pods behind it, where policies apply (OpenShift)."""

Ingress = networking.v1.NetworkPolicyIngressRuleArgs
Egress = networking.v1.NetworkPolicyEgressRuleArgs


class Network:
    """The network policies of one stack. It learns the ports of each workload when the workload is
    declared."""

    def __init__(self, naming: Naming, api_ports: Sequence[int] = ()) -> None:
        self._naming = naming
        self._api_ports = api_ports
        self._ports: dict[str, Mapping[str, int]] = {}

    def deny_by_default(self, name: str, opts: pulumi.ResourceOptions) -> pulumi.Resource:
        """Creates the policy by which nothing reaches a pod of the stack, and the pod reaches only name
        servers."""
        return networking.v1.NetworkPolicy(
            name,
            metadata=meta.v1.ObjectMetaArgs(
                name=f"{self._naming.instance}-default-deny",
                namespace=self._naming.namespace,
                labels=self._naming.labels(name),
            ),
            spec=networking.v1.NetworkPolicySpecArgs(
                pod_selector=_selected(self._naming.everything),
                policy_types=["Ingress", "Egress"],
                egress=[Egress(ports=[_port(n, protocol) for n in _DNS for protocol in ("UDP", "TCP")])],
            ),
            opts=opts,
        )

    def connect(
        self, program: Program, opts: pulumi.ResourceOptions, *, among: bool = False
    ) -> list[pulumi.Resource]:
        """Creates two policies for each link of the program, one at each end. Replicas of the program
        may connect to one another if it has several, or if `among` is set."""
        name = program.name
        self._ports[name] = program.ports
        own = tuple(program.ports.values())
        made = []
        replicas = program.max_replicas or program.replicas if isinstance(program, Workload) else 1
        if replicas > 1 or among:
            made += self._connection(name, name, own, opts)
        for link in program.links:
            for target in link.target.workloads:
                made += self._connection(name, target, self._opened(name, link, target), opts)
                if link.calls_back:
                    made += self._connection(target, name, own, opts)
        if external := _external(program.links):
            made.append(self._leave(f"{name}-to-outside", name, external, opts))
        if program.executors is not None:
            made.append(self._leave(f"{name}-to-api", name, self._api_ports, opts))
        return made

    def _opened(self, client: str, link: Link, target: str) -> tuple[int, ...]:
        """Returns the numbers of the ports that a link opens. Raises ValueError for a port that the
        target lacks, and for a link to a workload without a port, which would open nothing."""
        known = self._ports[target]
        if not link.ports or (unknown := [name for name in link.ports if name not in known]):
            wrong = f"the ports {', '.join(unknown)}" if link.ports else "no port"
            raise ValueError(f"{client} links to {wrong} of {target}, which has {', '.join(known) or 'none'}")
        return tuple(known[name] for name in link.ports)

    def forward(
        self, proxy: str, target: str, port: int, opts: pulumi.ResourceOptions
    ) -> list[pulumi.Resource]:
        """Lets the proxy before an exposed workload reach the exposed port."""
        return self._connection(proxy, target, (port,), opts)

    def _connection(
        self, client: str, target: str, ports: Sequence[int], opts: pulumi.ResourceOptions
    ) -> list[pulumi.Resource]:
        there, here = self._naming.selector(target), self._naming.selector(client)
        opened = [_port(number) for number in ports]
        leaving = Egress(to=[_peer(there)], ports=opened)
        arriving = Ingress(from_=[_peer(here)], ports=opened)
        return [
            self._policy(f"{client}-to-{target}", client, here, egress=[leaving], opts=opts),
            self._policy(f"{target}-from-{client}", target, there, ingress=[arriving], opts=opts),
        ]

    def _leave(
        self, name: str, client: str, ports: Iterable[pulumi.Input[int]], opts: pulumi.ResourceOptions
    ) -> pulumi.Resource:
        """Lets the program reach ports of any address beyond the cluster, since a policy cannot name a
        host."""
        egress = Egress(ports=[_port(number) for number in ports])
        return self._policy(name, client, self._naming.selector(client), egress=[egress], opts=opts)

    def reach(
        self, program: str, addresses: Sequence[tuple[str, int]], opts: pulumi.ResourceOptions
    ) -> list[pulumi.Resource]:
        """Lets a program reach addresses (a CIDR and a port) that are neither pods nor targets of links."""
        if not addresses:
            return []
        egress = [
            Egress(
                to=[networking.v1.NetworkPolicyPeerArgs(ip_block=networking.v1.IPBlockArgs(cidr=cidr))],
                ports=[_port(number)],
            )
            for cidr, number in addresses
        ]
        name = f"{program}-to-identity"
        return [self._policy(name, program, self._naming.selector(program), egress=egress, opts=opts)]

    def admit(
        self, workload: str, ports: Sequence[int], namespace: str | None, opts: pulumi.ResourceOptions
    ) -> pulumi.Resource:
        """Lets pods of `namespace` (None: any client) reach `ports` of an exposed workload."""
        label = {"kubernetes.io/metadata.name": namespace} if namespace else None
        source = (
            []
            if label is None
            else [networking.v1.NetworkPolicyPeerArgs(namespace_selector=_selected(label))]
        )
        ingress = Ingress(from_=source, ports=[_port(number) for number in ports])
        name, selector = f"{workload}-from-outside", self._naming.selector(workload)
        return self._policy(name, workload, selector, ingress=[ingress], opts=opts)

    def _policy(
        self,
        name: str,
        owner: str,
        selector: Mapping[str, str],
        *,
        ingress: Sequence[Ingress] | None = None,
        egress: Sequence[Egress] | None = None,
        opts: pulumi.ResourceOptions,
    ) -> pulumi.Resource:
        return networking.v1.NetworkPolicy(
            dns_label(name),
            metadata=meta.v1.ObjectMetaArgs(
                name=dns_label(name), namespace=self._naming.namespace, labels=self._naming.labels(owner)
            ),
            spec=networking.v1.NetworkPolicySpecArgs(
                pod_selector=_selected(selector),
                policy_types=["Ingress" if egress is None else "Egress"],
                ingress=ingress,
                egress=egress,
            ),
            opts=opts,
        )


def _external(links: Sequence[Link]) -> list[pulumi.Input[int]]:
    return [address.port for link in links for address in link.target.external]


def _selected(labels: Mapping[str, str]) -> meta.v1.LabelSelectorArgs:
    return meta.v1.LabelSelectorArgs(match_labels=labels)


def _peer(labels: Mapping[str, str]) -> networking.v1.NetworkPolicyPeerArgs:
    return networking.v1.NetworkPolicyPeerArgs(pod_selector=_selected(labels))


def _port(number: pulumi.Input[int], protocol: str = "TCP") -> networking.v1.NetworkPolicyPortArgs:
    return networking.v1.NetworkPolicyPortArgs(port=number, protocol=protocol)
