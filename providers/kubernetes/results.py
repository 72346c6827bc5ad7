"""The result of a task: what its pod wrote as termination message."""

import json
from typing import Any

import pulumi
from pulumi_kubernetes import batch

_NONE = "{}"


class TerminationMessages:
    """Asks the API server for the pods of a finished Job, which it keeps as long as the Job. A result is
    `{}` where there is none, or none any more."""

    def __init__(self, kubeconfig: str | None, context: str | None) -> None:
        self._kubeconfig = kubeconfig
        self._context = context

    def of(self, job: batch.v1.Job) -> pulumi.Output[dict[str, Any]]:
        # The uid: known only when the Job is there, so that a first preview asks nobody.
        asked = pulumi.Output.all(job.metadata.namespace, job.metadata.name, job.metadata.uid)
        return asked.apply(lambda known: self._read(str(known[0]), str(known[1])))

    def _read(self, namespace: str, job: str) -> dict[str, Any]:
        # Imported when a cluster is asked: it takes half a second.
        from kubernetes import client, config

        api = config.new_client_from_config(config_file=self._kubeconfig, context=self._context)
        with api:
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
