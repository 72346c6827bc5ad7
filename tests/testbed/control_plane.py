"""Runs etcd and kube-apiserver: a real Kubernetes API, with or without its controllers."""

import shutil
import socket
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import requests

from providers.local.paths import cache_directory
from tests.testbed import kubeconfig
from tests.testbed.binaries import API_PROGRAMS, PROGRAMS, require
from tests.testbed.certificates import CertificateAuthority, Pair, signing_key
from tests.testbed.daemons import Daemons
from tests.testbed.errors import DaemonError

LOOPBACK = "127.0.0.1"
SERVICE_RANGE = "10.96.0.0/16"
SERVICE_ADDRESS = "10.96.0.1"
"""The address at which pods reach the API server."""

SERVERS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")

_ATTEMPTS = 3
_READY_SECONDS = 120.0


class ControlPlane:
    """An etcd and an API server on free ports of `address`, with their files below `directory`.

    Role-based access control and Pod Security admission are on, as in any cluster. Without `controllers` the
    server only checks and stores objects: there are no default service accounts, no garbage collection and no
    pods. The admission of service accounts, which would refuse every pod then, is on with `controllers` only.
    `detached` servers outlive this process.

        with ControlPlane(tmp_path / "kubernetes") as control_plane:
            ... control_plane.kubeconfig ...

    Raises NotBuiltError when the servers' programs are not built, and DaemonError when one does not start.
    """

    def __init__(
        self,
        directory: Path,
        *,
        cache: Path | None = None,
        address: str = LOOPBACK,
        controllers: bool = False,
        detached: bool = False,
    ) -> None:
        self.directory = directory
        self.kubeconfig = directory / "kubeconfig"
        self.url = ""
        self.daemons = Daemons(directory, detached)
        self._cache = cache or cache_directory()
        self._address = address
        self._controllers = controllers

    def __enter__(self) -> "ControlPlane":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the servers on an empty store, and return when the API server is ready."""
        wanted = [program for program in PROGRAMS if program.name in SERVERS]
        if not self._controllers:
            wanted = list(API_PROGRAMS)
        self._programs = require(wanted, self._cache)
        for attempt in range(1, _ATTEMPTS + 1):
            self.stop()
            try:
                self._start()
                return
            except DaemonError as error:
                # Somebody else may have taken a port between its choice and its use.
                if attempt == _ATTEMPTS or "address already in use" not in str(error):
                    self.daemons.stop()
                    raise

    def stop(self) -> None:
        """Kill the servers and remove their files. Does nothing when they are stopped already."""
        self.daemons.stop(grace=0.0)
        for name in ("etcd", "certificates", "logs"):
            shutil.rmtree(self.directory / name, ignore_errors=True)
        self.kubeconfig.unlink(missing_ok=True)
        if self.directory.exists() and not any(self.directory.iterdir()):
            self.directory.rmdir()

    def client(self, user: str, group: str | None = None) -> Path:
        """Write a kubeconfig for `user`, a member of `group`, and return its path."""
        pair = self.authority.issue(user, group)
        path = pair.key.with_suffix(".kubeconfig")
        return kubeconfig.write(path, self.url, self.authority.certificate, pair)

    def ready(self) -> bool:
        """Return whether the API server reports that it is ready."""
        with requests.Session() as session:
            session.trust_env = False  # Neither a proxy nor another authority of the user's.
            session.verify = str(self.authority.certificate)
            try:
                return bool(session.get(f"{self.url}/readyz", timeout=5).ok)
            except requests.RequestException:
                return False

    def _start(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        certificates = self.directory / "certificates"
        self.authority = CertificateAuthority(certificates, "kubernetes-ca")
        store = self._start_etcd(CertificateAuthority(certificates / "etcd", "etcd-ca"))
        port = free_port(self._address)
        self.url = f"https://{self._address}:{port}"
        serving = self.authority.issue(
            "kube-apiserver",
            hosts=[
                self._address,
                LOOPBACK,
                SERVICE_ADDRESS,
                "localhost",
                "kubernetes",
                "kubernetes.default",
                "kubernetes.default.svc",
                "kubernetes.default.svc.cluster.local",
            ],
        )
        self._tokens = signing_key(certificates, "service-accounts")
        self.daemons.start("kube-apiserver", self._api_server(port, serving, store))
        admin = self.authority.issue("kubernetes-admin", "system:masters")
        self.daemons.wait_until("kube-apiserver", self.ready, _READY_SECONDS)
        if self._controllers:
            self._start_controllers()
        kubeconfig.write(self.kubeconfig, self.url, self.authority.certificate, admin)

    def _start_etcd(self, authority: CertificateAuthority) -> Sequence[str]:
        """Start etcd; returns the options by which the API server reaches it."""
        server, client = authority.issue("etcd", hosts=[LOOPBACK]), authority.issue("kube-apiserver")
        clients, peers = (f"https://{LOOPBACK}:{free_port(LOOPBACK)}" for _ in range(2))
        trust = authority.certificate
        options = {
            "name": "testbed",
            "data-dir": self.directory / "etcd",
            "listen-client-urls": clients,
            "advertise-client-urls": clients,
            "listen-peer-urls": peers,
            "initial-advertise-peer-urls": peers,
            "initial-cluster": f"testbed={peers}",
            "client-cert-auth": "true",
            "trusted-ca-file": trust,
            "cert-file": server.certificate,
            "key-file": server.key,
            "peer-client-cert-auth": "true",
            "peer-trusted-ca-file": trust,
            "peer-cert-file": server.certificate,
            "peer-key-file": server.key,
            "unsafe-no-fsync": "true",  # The store does not outlive the cluster.
            "log-level": "warn",
        }
        self.daemons.start("etcd", [str(self._programs / "etcd"), *_flags(options)])
        return _flags(
            {
                "etcd-servers": clients,
                "etcd-cafile": trust,
                "etcd-certfile": client.certificate,
                "etcd-keyfile": client.key,
            }
        )

    def _api_server(self, port: int, serving: Pair, store: Sequence[str]) -> list[str]:
        kubelet = self.authority.issue("kube-apiserver-kubelet-client", "system:masters")
        options = {
            "bind-address": self._address,
            "secure-port": port,
            "tls-cert-file": serving.certificate,
            "tls-private-key-file": serving.key,
            "client-ca-file": self.authority.certificate,
            "authorization-mode": "Node,RBAC",
            "enable-admission-plugins": "NodeRestriction",
            "service-cluster-ip-range": SERVICE_RANGE,
            "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
            "service-account-key-file": self._tokens.certificate,
            "service-account-signing-key-file": self._tokens.key,
            "kubelet-client-certificate": kubelet.certificate,
            "kubelet-client-key": kubelet.key,
            "kubelet-certificate-authority": self.authority.certificate,
            "kubelet-preferred-address-types": "InternalIP",
            "allow-privileged": "true",
            "profiling": "false",
        }
        if self._address == LOOPBACK:
            # The endpoints of the service `kubernetes` may not be loopback addresses.
            options |= {"advertise-address": self._address, "endpoint-reconciler-type": "none"}
        if not self._controllers:
            options["disable-admission-plugins"] = "ServiceAccount"
        return [str(self._programs / "kube-apiserver"), *_flags(options), *store]

    def _start_controllers(self) -> None:
        """Start the controllers and the scheduler, which wait for one another by themselves."""
        access = self.client("system:kube-controller-manager")
        options = {
            "kubeconfig": access,
            "bind-address": LOOPBACK,
            "secure-port": free_port(LOOPBACK),
            "root-ca-file": self.authority.certificate,
            "service-account-private-key-file": self._tokens.key,
            "use-service-account-credentials": "true",
            "leader-elect": "false",
            "profiling": "false",
        }
        self.daemons.start(
            "kube-controller-manager", [str(self._programs / "kube-controller-manager"), *_flags(options)]
        )
        access = self.client("system:kube-scheduler")
        options = {
            "kubeconfig": access,
            "bind-address": LOOPBACK,
            "secure-port": free_port(LOOPBACK),
            "leader-elect": "false",
            "profiling": "false",
        }
        self.daemons.start("kube-scheduler", [str(self._programs / "kube-scheduler"), *_flags(options)])


def free_port(address: str) -> int:
    """Return a TCP port of `address` on which nothing listens now."""
    with socket.create_server((address, 0)) as listener:
        return int(listener.getsockname()[1])


def _flags(options: dict[str, object]) -> list[str]:
    return [f"--{name}={value}" for name, value in options.items()]
