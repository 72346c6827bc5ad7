"""Reads the result of a task: its pod wrote it as the termination message."""

import asyncio
import json
from typing import Any

import pulumi
import yaml
from pulumi_kubernetes import batch

_NONE = "{}"


class TerminationMessages:
    """Asks the API server for the pods of a finished Job, which exist as long as the Job. A result is
    `{}` if there is none. A preview does not ask.

    `kubeconfig` is a path or the content that the program made, `context` a name in it; kubectl's own are
    used for None.
    """

    def __init__(self, kubeconfig: pulumi.Input[str] | None = None, context: str | None = None) -> None:
        self._kubeconfig = kubeconfig
        self._context = context

    def of(self, job: batch.v1.Job) -> pulumi.Output[dict[str, Any]]:
        if pulumi.runtime.is_dry_run():
            return _unknown()
        # The uid: known only when the Job is there.
        metadata = job.metadata
        asked = pulumi.Output.all(self._kubeconfig, metadata.namespace, metadata.name, metadata.uid)
        return asked.apply(lambda known: self._read(known[0], str(known[1]), str(known[2])))

    def _read(self, kubeconfig: str | None, namespace: str, job: str) -> dict[str, Any]:
        # Imported when a cluster is asked: it takes half a second.
        from kubernetes import client

        with api_client(kubeconfig, self._context) as api:
            found = client.CoreV1Api(api).list_namespaced_pod(
                namespace, label_selector=f"batch.kubernetes.io/job-name={job}"
            )
        for pod in found.items:
            for status in (pod.status and pod.status.container_statuses) or ():
                ended = status.state and status.state.terminated
                if ended and ended.exit_code == 0:
                    result: dict[str, Any] = json.loads(ended.message or _NONE)
                    return result
        return {}


def api_client(kubeconfig: str | None, context: str | None) -> Any:
    """Returns a client of the API server. A command that the kubeconfig names to get a token must be on
    the path. Raises kubernetes.config.ConfigException."""
    from kubernetes import config

    if kubeconfig is not None and _is_content(kubeconfig):
        return config.new_client_from_config_dict(
            yaml.safe_load(kubeconfig), context=context, persist_config=False
        )
    return config.new_client_from_config(config_file=kubeconfig, context=context)


def _is_content(kubeconfig: str) -> bool:
    return "\n" in kubeconfig or kubeconfig.startswith("{")


def _unknown() -> pulumi.Output[dict[str, Any]]:
    value: asyncio.Future[dict[str, Any]] = asyncio.Future()
    known: asyncio.Future[bool] = asyncio.Future()
    value.set_result({})
    known.set_result(False)
    return pulumi.Output(set(), value, known)
