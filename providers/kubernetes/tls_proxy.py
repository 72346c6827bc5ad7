"""Runs HAProxy as the TLS proxy of an exposed workload, behind a load balancer.

The site's certificate is mounted by its Secret's name, so that no state has the private key.
"""

from collections.abc import Mapping
from dataclasses import replace

import pulumi
from pulumi_kubernetes import core, meta

from components.base import Readiness, Resources, Tcp, Workload
from components.software import HAPROXY
from providers.kubernetes.exposure import HTTPS, OUTSIDE, LoadBalancer
from providers.kubernetes.files import Files
from providers.kubernetes.naming import Naming, dns_label
from providers.kubernetes.objects import AT_ONCE

_CERTIFICATE = "/nebula/certificate"
_PORT = 8443
_RESOURCES = Resources(cpu=0.5, memory=128)
_REPLICAS = 2
_POD_LABEL = "statefulset.kubernetes.io/pod-name"

_COMMON = """\
global
  log stdout format raw local0 warning
  maxconn 2000
  # The key stands beside the certificate: tls.crt, tls.key.
  ssl-load-extra-del-ext
  ssl-default-bind-options ssl-min-ver TLSv1.2

defaults
  log global
  timeout connect 10s
  # Streams of tables and idle consumers are long.
  timeout client 1h
  timeout server 1h
"""
_HTTP = """
frontend {name}
  mode http
  bind :{port} ssl crt {certificate}/tls.crt alpn h2,http/1.1
  option forwardfor
  http-request set-header X-Forwarded-Proto https
  http-request set-header X-Forwarded-Host %[req.hdr(Host)]
  http-request set-header X-Forwarded-Port {outer}
  default_backend {name}

backend {name}
  mode http
  server server {target}
"""
_TCP = """
frontend {name}
  mode tcp
  bind :{port} ssl crt {certificate}/tls.crt
  default_backend {name}

backend {name}
  mode tcp
  server server {target}
"""


def workload_of(workload: Workload, naming: Naming) -> Workload:
    """Returns the proxy's workload. For a workload with a port `outside`, the proxy has one port for
    each replica, with the number that clients use; otherwise it has one, for the workload's first
    port."""
    number = target_port(workload)
    if OUTSIDE in workload.ports:
        ports = {f"replica-{index}": number + index for index in range(workload.replicas)}
        parts = [
            _part(_TCP, name, port, f"{_replica(workload, index, naming)}.{naming.namespace}.svc:{number}")
            for index, (name, port) in enumerate(ports.items())
        ]
    else:
        ports = {"https": _PORT}
        parts = [_part(_HTTP, "https", _PORT, f"{naming.service_host(workload.name)}:{number}")]
    return Workload(
        name=f"{workload.name}-edge",
        software=HAPROXY,
        command=("haproxy", "-db", "-f", "{run}/haproxy.cfg"),
        files={"haproxy.cfg": "".join((_COMMON, *parts))},
        ports=ports,
        # It ends connections as clients end theirs, not at once.
        stop_signal="USR1",
        replicas=min(_REPLICAS, workload.replicas),
        readiness=Readiness(Tcp(next(iter(ports))), deadline=60),
        resources=_RESOURCES,
        parked=workload.parked,
    )


def target_port(workload: Workload) -> int:
    """Returns the port of the workload that is exposed."""
    return workload.ports.get(OUTSIDE) or next(iter(workload.ports.values()))


def services(
    workload: Workload,
    before: Workload,
    balancer: LoadBalancer,
    naming: Naming,
    opts: pulumi.ResourceOptions,
) -> list[pulumi.Resource]:
    """Creates the load balancer before the proxy and, behind the proxy, a service for each replica that
    clients reach by itself: the service's address outlives its pods."""

    def made(
        name: str, owner: Workload, spec: core.v1.ServiceSpecArgs, more: Mapping[str, str]
    ) -> pulumi.Resource:
        metadata = meta.v1.ObjectMetaArgs(
            name=name,
            namespace=naming.namespace,
            labels=naming.labels(owner.name),
            annotations={**AT_ONCE, **more},
        )
        return core.v1.Service(name, metadata=metadata, spec=spec, opts=opts)

    outer = core.v1.ServiceSpecArgs(
        type="LoadBalancer",
        load_balancer_class=balancer.load_balancer_class,
        load_balancer_source_ranges=[*balancer.source_ranges] or None,
        selector=naming.selector(before.name),
        ports=[
            core.v1.ServicePortArgs(name=name, port=HTTPS if number == _PORT else number, target_port=number)
            for name, number in before.ports.items()
        ],
    )
    found = [made(f"{dns_label(workload.name)}-outside", workload, outer, balancer.annotations)]
    for index in range(workload.replicas if OUTSIDE in workload.ports else 0):
        pod = _replica(workload, index, naming)
        number = target_port(workload)
        inner = core.v1.ServiceSpecArgs(
            selector={**naming.selector(workload.name), _POD_LABEL: pod},
            ports=[core.v1.ServicePortArgs(name=OUTSIDE, port=number, target_port=number)],
        )
        found.append(made(pod, workload, inner, {}))
    return found


def with_certificate(files: Files, balancer: LoadBalancer) -> Files:
    held = core.v1.SecretVolumeSourceArgs(
        secret_name=balancer.tls_secret,
        items=[core.v1.KeyToPathArgs(key=key, path=key) for key in ("tls.crt", "tls.key")],
        default_mode=0o440,
    )
    volume = core.v1.VolumeArgs(name="certificate", secret=held)
    mount = core.v1.VolumeMountArgs(name="certificate", mount_path=_CERTIFICATE, read_only=True)
    return replace(files, volumes=[*files.volumes, volume], mounts=[*files.mounts, mount])


def _replica(workload: Workload, index: int, naming: Naming) -> str:
    """Creates the service of one replica's pod."""
    return naming.pod_name(workload.name, index)


def _part(template: str, name: str, port: int, target: str) -> str:
    return template.format(name=name, port=port, certificate=_CERTIFICATE, outer=HTTPS, target=target)
