"""Sends requests to the API server as the real provider does: discovery, server-side apply, dry run."""

import json
import re
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
import yaml
from kubernetes import client, config
from kubernetes.dynamic import DynamicClient, LazyDiscoverer
from kubernetes.dynamic.exceptions import DynamicApiError, ResourceNotFoundError, ResourceNotUniqueError

from tests.standin.errors import RefusedError, StandinError, UnknownKindError, UnreachableError

Manifest = dict[str, Any]

_kubeconfig: Any = config  # its functions have no annotations
_DYNAMIC_CLIENT: Any = DynamicClient  # nor has its constructor
_ANSWER_SECONDS = 60
_CONNECTIONS = 64
_WARNING = re.compile(r'^\d{3} \S+ "(.*)"$')


@dataclass(frozen=True)
class Reference:
    """Identifies an object by its kind and name. `namespace` is empty for kinds without one."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @property
    def id(self) -> str:
        """Return the resource's id in Pulumi's state: `namespace/name`, or `name`."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


def reference_of(manifest: Mapping[str, Any]) -> Reference:
    metadata = manifest["metadata"]
    return Reference(
        manifest["apiVersion"], manifest["kind"], metadata.get("namespace") or "", metadata["name"]
    )


def kubeconfig_content(kubeconfig: str) -> Manifest | None:
    """Return the parsed configuration when `kubeconfig` is content, or None when it is a path or empty."""
    try:
        content = yaml.safe_load(kubeconfig)
    except yaml.YAMLError as error:
        raise UnreachableError(f"the provider's kubeconfig is not valid YAML: {error}; correct it") from error
    return content if isinstance(content, dict) else None


class _Discovery(LazyDiscoverer):
    """The client's own would be kept in /tmp under the server's address, beyond the server's life."""

    def _write_cache(self) -> None:
        pass


class Cluster:
    """A client of the API server that a kubeconfig and context name.

    The kubeconfig is its content, its path, or empty for kubectl's default. Objects without a namespace go
    into `namespace`. Raises UnreachableError when the server does not answer.
    """

    def __init__(self, kubeconfig: str = "", context: str | None = None, namespace: str = "") -> None:
        configuration = client.Configuration()
        configuration.connection_pool_maxsize = _CONNECTIONS
        content = kubeconfig_content(kubeconfig)
        path = None if content or not kubeconfig else str(Path(kubeconfig).expanduser())
        options = {"context": context, "client_configuration": configuration, "persist_config": False}
        with tempfile.TemporaryDirectory() as scratch:
            try:
                if content:
                    _kubeconfig.load_kube_config_from_dict(content, temp_file_path=scratch, **options)
                else:
                    _kubeconfig.load_kube_config(path, temp_file_path=scratch, **options)
                api = client.ApiClient(configuration)
                _load_certificates(api.rest_client.pool_manager, configuration)
            except (config.ConfigException, OSError) as error:
                raise UnreachableError(
                    f"the kubeconfig cannot be used: {error}; set the provider's kubeconfig and context, "
                    "or KUBECONFIG"
                ) from error
        if content:
            contexts, active = content.get("contexts") or [], content.get("current-context")
        else:
            contexts, current = _kubeconfig.list_kube_config_contexts(path)
            active = current["name"]
        named = {row["name"]: row["context"] for row in contexts}
        settings = named.get(context or active, {})
        self.namespace = namespace or settings.get("namespace") or "default"
        self.address = configuration.host
        self._api = api
        self._client: Any = None
        self._discovering = threading.Lock()

    def kind(self, api_version: str, kind: str) -> Any:
        """Return the discovered kind, which has `namespaced` and `path(name, namespace)`."""
        core = "/" not in api_version
        with self._discovering:
            try:
                return self._dynamic().resources.get(
                    prefix="api" if core else "apis",
                    group=None if core else api_version.partition("/")[0],
                    api_version=api_version.rpartition("/")[2],
                    kind=kind,
                )
            except (ResourceNotFoundError, ResourceNotUniqueError) as error:
                raise UnknownKindError(
                    f"{self.address} has no {kind} in {api_version}; install its definition first"
                ) from error
            except (urllib3.exceptions.HTTPError, DynamicApiError) as error:
                raise self._error(error) from error

    def apply(
        self, manifest: Manifest, manager: str, *, force: bool, dry_run: bool
    ) -> tuple[Manifest, list[str]]:
        """Apply a manifest on the server, and return the object and the server's warnings. Raises
        RefusedError; its status is 409 when another field manager has set a field to another value."""
        response = self.request(
            "patch",
            self._path(reference_of(manifest)),
            body=json.dumps(manifest),
            content_type="application/apply-patch+yaml",
            field_manager=manager,
            force_conflicts=str(force).lower(),
            dry_run="All" if dry_run else None,
            query_params=[("fieldValidation", "Warn")],
        )
        found = [_WARNING.match(header) for header in response.headers.getlist("Warning")]
        return json.loads(response.data), [match[1].replace('\\"', '"') for match in found if match]

    def get(self, reference: Reference) -> Manifest | None:
        """Return the object, or None when it, its namespace or its kind does not exist."""
        try:
            found: Manifest = json.loads(self.request("get", self._path(reference)).data)
        except UnknownKindError:
            return None
        except RefusedError as error:
            if error.status == 404:
                return None
            raise
        return found

    def items(self, api_version: str, kind: str, namespace: str, selector: str = "", fields: str = "") -> Any:
        path = self.kind(api_version, kind).path(namespace=namespace)
        response = self.request("get", path, label_selector=selector, field_selector=fields)
        return json.loads(response.data)["items"]

    def delete(self, reference: Reference, propagation: str) -> None:
        """Request the object's deletion. Does nothing when it is gone already."""
        body = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
        try:
            self.request("delete", self._path(reference), body=body)
        except UnknownKindError:
            return
        except RefusedError as error:
            if error.status != 404:
                raise

    def log(self, namespace: str, pod: str, container: str, lines: int) -> str:
        """Return the last lines of a container's log, or an empty text when there is none."""
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        query = [("container", container), ("tailLines", str(lines))]
        try:
            content: bytes = self.request("get", path, query_params=query).data
        except RefusedError:
            return ""
        return content.decode(errors="replace").strip()

    def _path(self, reference: Reference) -> str:
        kind = self.kind(reference.api_version, reference.kind)
        path: str = kind.path(name=reference.name, namespace=reference.namespace or self.namespace)
        return path

    def _dynamic(self) -> Any:
        if self._client is None:
            # Never written, so never found either.
            nowhere = Path(tempfile.gettempdir(), "nebula-standin-discovery")
            self._client = _DYNAMIC_CLIENT(self._api, cache_file=str(nowhere), discoverer=_Discovery)
        return self._client

    def request(self, method: str, path: str, **parameters: Any) -> Any:
        """Send a request with the dynamic client's parameters, and return the answer. Raises RefusedError."""
        try:
            return self._dynamic().request(
                method, path, serialize=False, _request_timeout=_ANSWER_SECONDS, **parameters
            )
        except (urllib3.exceptions.HTTPError, DynamicApiError) as error:
            raise self._error(error) from error

    def _error(self, error: Exception) -> StandinError:
        if not isinstance(error, DynamicApiError):
            return UnreachableError(
                f"the API server {self.address} does not answer ({error}); "
                "start it, or correct the provider's kubeconfig"
            )
        try:
            message = json.loads(error.body or "")["message"]
        except (ValueError, KeyError, TypeError):
            message = f"{error.status} {error.reason}"
        return RefusedError(error.status, message)


def _load_certificates(pool: Any, configuration: Any) -> None:
    """Read the certificates now. Otherwise the client writes them, with their keys, to files in /tmp."""
    if not configuration.host.startswith("https"):
        return
    context = urllib3.util.create_urllib3_context()
    if configuration.ssl_ca_cert:
        context.load_verify_locations(configuration.ssl_ca_cert)
    else:
        context.load_default_certs()
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    options = pool.connection_pool_kw
    for name in ("ca_certs", "cert_file", "key_file"):
        options.pop(name, None)
    options["ssl_context"] = context
