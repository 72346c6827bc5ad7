"""Pulumi programs of the tests, which the engine runs.

The variable STANDIN_PROGRAM is JSON: `{"name": <function>, "arguments": {…}, "kubeconfig": …}`.
"""

import json
import os

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_random as random

VARIABLE = "STANDIN_PROGRAM"


def run() -> None:
    """Run the function that STANDIN_PROGRAM names, with the options of the explicit provider."""
    wanted = json.loads(os.environ[VARIABLE])
    provider = kubernetes.Provider("cluster", kubeconfig=wanted["kubeconfig"], enable_config_map_mutable=True)
    globals()[wanted["name"]](pulumi.ResourceOptions(provider=provider), **wanted["arguments"])


def settings(options: pulumi.ResourceOptions, namespace: str, value: str, name: str | None = None) -> None:
    """Declare a ConfigMap. Without `name` the provider chooses its name."""
    metadata = kubernetes.meta.v1.ObjectMetaArgs(namespace=namespace, name=name)
    made = kubernetes.core.v1.ConfigMap("settings", data={"a": value}, metadata=metadata, opts=options)
    pulumi.export("name", made.metadata.name)
    pulumi.export("uid", made.metadata.uid)


def workload(options: pulumi.ResourceOptions, namespace: str, serving: str, wait: int | None = None) -> None:
    """Declare a Deployment without pods, or, with `wait` in seconds, one whose pods never run."""
    limits = pulumi.CustomTimeouts(create=f"{wait}s", update=f"{wait}s") if wait else None
    kubernetes.apps.v1.Deployment(
        "app",
        metadata={"name": "app", "namespace": namespace},
        spec={
            "replicas": 1 if wait else 0,
            "selector": {"match_labels": {"serving": serving}},
            "template": {
                "metadata": {"labels": {"serving": serving}},
                "spec": {"containers": [{"name": "app", "image": "registry.invalid/app:1"}]},
            },
        },
        opts=pulumi.ResourceOptions(provider=options.provider, custom_timeouts=limits),
    )


def credentials(options: pulumi.ResourceOptions, namespace: str) -> None:
    """Declare a random password in a Secret, and read that Secret by its id."""
    password = random.RandomPassword("password", length=24, special=False)
    made = kubernetes.core.v1.Secret(
        "credentials",
        metadata={"name": "credentials", "namespace": namespace},
        string_data={"password": password.result},
        opts=options,
    )
    got = kubernetes.core.v1.Secret.get("got", made.id, opts=options)
    pulumi.export("password", password.result)
    pulumi.export("data", got.data)
