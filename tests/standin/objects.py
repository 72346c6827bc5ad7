"""The provider's operations on objects: preview, create, update, read and delete, each with its wait."""

import hashlib
import os
import secrets
import time
from collections.abc import Sequence
from typing import Any

from google.protobuf import struct_pb2

from providers.local.plugin.engine_client import EngineClient
from providers.local.plugin.errors import CancelledError
from providers.local.plugin.properties import Properties, from_struct, has_unknown
from tests.standin import readiness
from tests.standin.changes import AUTONAMED, without_nulls
from tests.standin.cluster import Cluster, Manifest, Reference, reference_of
from tests.standin.errors import RefusedError, StandinError, UnknownKindError, UnreadyError

FIELD_MANAGER = "__fieldManager"
"""Output that keeps the field manager: the same one must apply the object's next form."""

_MANAGER_PREFIX = "pulumi-kubernetes-"
_FORCE_VARIABLE = "PULUMI_K8S_ENABLE_PATCH_FORCE"
_SKIP_WAIT, _TIMEOUT = "pulumi.com/skipAwait", "pulumi.com/timeoutSeconds"
_FORCE, _PROPAGATION = "pulumi.com/patchForce", "pulumi.com/deletionPropagationPolicy"
_UNAWAITED_DELETION = {"Namespace", "Pod", "DaemonSet", "Deployment", "StatefulSet", "Job"}
_READY_SECONDS = {"PersistentVolumeClaim": 300.0}
_DELETION_SECONDS = {"Deployment": 600.0, "StatefulSet": 600.0}
_ATTEMPTS = 5
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0


def inputs_of(struct: struct_pb2.Struct) -> Properties:
    """Return the properties that the program wrote. Nulls are left out."""
    inputs: Properties = without_nulls(from_struct(struct))
    return inputs


def autonamed(metadata: Properties, old: Properties, name: str, seed: bytes) -> None:
    """Give an object without a name its former name, or else a name made from the resource's."""
    former = old.get("metadata") or {}
    if _annotation(old, AUTONAMED) == "true":
        metadata["name"] = former["name"]
    else:
        suffix = hashlib.sha256(seed).hexdigest()[:8] if seed else secrets.token_hex(4)
        metadata["name"] = f"{name}-{suffix}"
    metadata["annotations"] = {**(metadata.get("annotations") or {}), AUTONAMED: "true"}


class Objects:
    """The operations on the objects of one cluster."""

    def __init__(self, cluster: Cluster, engine: EngineClient) -> None:
        self.cluster = cluster
        self._engine = engine

    def namespaced(self, api_version: str, kind: str) -> bool:
        """Return whether objects of this kind are in a namespace. A kind that does not exist yet counts as
        namespaced."""
        try:
            return bool(self.cluster.kind(api_version, kind).namespaced)
        except UnknownKindError:
            return True

    def preview_creation(self, urn: str, inputs: Manifest) -> Manifest | None:
        """Return the object that the server would create, or None when it cannot know: inputs are unknown, or
        the namespace or the kind does not exist yet."""
        if has_unknown(inputs):
            return None
        manager = _new_manager()
        try:
            try:
                return self._dry_run(urn, inputs, manager, force=True)
            except RefusedError as error:
                if error.status != 422 or self.cluster.get(reference_of(inputs)) is None:
                    raise
                # A replacement under the same name: the server compares it with what will be gone by then.
                metadata = {
                    **inputs["metadata"],
                    "name": f"{inputs['metadata']['name'][:57]}-{secrets.token_hex(2)}",
                }
                preview = self._dry_run(urn, {**inputs, "metadata": metadata}, manager, force=True)
                preview["metadata"]["name"] = inputs["metadata"]["name"]
                return preview
        except (RefusedError, UnknownKindError) as error:
            self._check_preview(urn, error)
            return None

    def preview_update(
        self, urn: str, state: Manifest, inputs: Manifest, ignored: Sequence[str]
    ) -> Manifest | None:
        """Return the object that the server would store after an update. Raises RefusedError for a conflict
        with another field manager."""
        if has_unknown(inputs):
            return None
        wanted = self._with_ignored(inputs, ignored, self._existing(state))
        try:
            return self._dry_run(urn, wanted, _manager(state), force=_forced(inputs), keep_status=True)
        except (RefusedError, UnknownKindError) as error:
            if isinstance(error, RefusedError) and error.status == 404:
                raise
            self._check_preview(urn, error)
            return None

    def create(self, urn: str, inputs: Manifest, timeout: float) -> Manifest:
        """Apply the object, wait for up to `timeout` seconds until it is ready, and return it. Raises
        UnreadyError when it exists but is not ready."""
        manager, attempt = _new_manager(), 1
        while True:
            try:
                live = self._apply(urn, inputs, manager)
                break
            except (RefusedError, UnknownKindError) as error:
                # Its namespace or definition may be in the making.
                retried = isinstance(error, UnknownKindError) or error.status == 404
                if not retried or attempt == _ATTEMPTS:
                    raise
                self._engine.show_status(urn, f"attempt {attempt} failed: {error}")
            try:
                self._engine.wait(2.0**attempt / 2, f"waiting to create {reference_of(inputs)}")
            except CancelledError as error:
                raise StandinError(str(error)) from error
            attempt += 1
        return self._wait(urn, live, inputs, timeout)

    def update(
        self, urn: str, state: Manifest, inputs: Manifest, ignored: Sequence[str], timeout: float
    ) -> Manifest:
        wanted = self._with_ignored(inputs, ignored, self._existing(state))
        return self._wait(urn, self._apply(urn, wanted, _manager(state)), inputs, timeout)

    def read(self, reference: Reference, state: Manifest, inputs: Manifest) -> tuple[Manifest | None, str]:
        """Return the live object, or None when it is gone, and the reason why it is not ready."""
        live = self.cluster.get(reference)
        if live is None:
            return None, ""
        live[FIELD_MANAGER] = _manager(state)
        if not inputs or _annotation(inputs, _SKIP_WAIT) == "true":
            return live, ""
        found = readiness.verdict(self.cluster, live)
        return live, "" if found.ready else f"{reference} is not ready: {found.reason}"

    def delete(self, urn: str, reference: Reference, inputs: Manifest, timeout: float) -> None:
        """Delete the object, and wait until it and its dependents are gone."""
        live = self.cluster.get(reference)
        if live is None:
            return
        policies = {"orphan": "Orphan", "background": "Background"}
        asked = str(_annotation(inputs, _PROPAGATION)).lower()
        self.cluster.delete(reference, policies.get(asked, "Foreground"))
        if _annotation(inputs, _SKIP_WAIT) == "true" and reference.kind in _UNAWAITED_DELETION:
            return
        seconds = timeout or _annotated_timeout(inputs) or _DELETION_SECONDS.get(reference.kind, 300.0)
        deadline, pause = time.monotonic() + seconds, _FIRST_PAUSE
        while (now := self.cluster.get(reference)) and now["metadata"]["uid"] == live["metadata"]["uid"]:
            why = ", ".join(now["metadata"].get("finalizers") or ()) or "its deletion"
            self._engine.show_status(urn, f"waiting for {why}")
            if time.monotonic() > deadline:
                raise UnreadyError(f"{reference} still exists after {seconds:g} s: it waits for {why}", now)
            try:
                self._engine.wait(pause, f"deleting {reference}")
            except CancelledError as error:
                raise UnreadyError(str(error), now) from error
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def _dry_run(
        self, urn: str, manifest: Manifest, manager: str, *, force: bool, keep_status: bool = False
    ) -> Manifest:
        preview = self._applied(urn, manifest, manager, force=force, dry_run=True)
        return preview if keep_status else {key: value for key, value in preview.items() if key != "status"}

    def _apply(self, urn: str, manifest: Manifest, manager: str) -> Manifest:
        return self._applied(urn, manifest, manager, force=_forced(manifest), dry_run=False)

    def _applied(self, urn: str, manifest: Manifest, manager: str, *, force: bool, dry_run: bool) -> Manifest:
        try:
            live, warnings = self.cluster.apply(manifest, manager, force=force, dry_run=dry_run)
        except RefusedError as error:
            message = f"the API server refused {reference_of(manifest)}: {error}"
            if error.status == 409:
                remedy = "take the other's value into the program, or overwrite it with"
                message = f"{message}; {remedy} {_FORCE_VARIABLE}=true"
            raise RefusedError(error.status, message) from error
        for warning in warnings:
            self._engine.warn(urn, warning)
        return {**live, FIELD_MANAGER: manager}

    def _check_preview(self, urn: str, error: RefusedError | UnknownKindError) -> None:
        """Raise `error` unless it means that a preview cannot know the answer, or may not ask for it."""
        if isinstance(error, RefusedError):
            if error.status not in {403, 404}:
                raise error
            if error.status == 403:
                self._engine.warn(urn, f"cannot be previewed: {error}")

    def _existing(self, state: Manifest) -> Manifest:
        reference = reference_of(state)
        if live := self.cluster.get(reference):
            return live
        raise RefusedError(
            404,
            f"{reference} was deleted by somebody else; `pulumi refresh` takes note of it, and `pulumi up` "
            "makes it again",
        )

    def _with_ignored(self, inputs: Manifest, ignored: Sequence[str], live: Manifest) -> Manifest:
        """Return `inputs` with the live values of the paths in `ignored` (`spec.replicas`)."""
        wanted: Manifest = without_nulls(inputs)
        for path in ignored:
            *parents, last = path.split(".")
            source: Any = live
            target: Any = wanted
            for step in parents:
                source, target = (source or {}).get(step), (target or {}).get(step)
            if isinstance(target, dict) and isinstance(source, dict) and last in source:
                target[last] = source[last]
        return wanted

    def _wait(self, urn: str, live: Manifest, inputs: Manifest, timeout: float) -> Manifest:
        """Wait until the object is ready, and return it."""
        if _annotation(inputs, _SKIP_WAIT) == "true":
            return live
        reference, manager = reference_of(live), live[FIELD_MANAGER]
        seconds = timeout or _annotated_timeout(inputs) or _READY_SECONDS.get(reference.kind, 600.0)
        deadline, pause = time.monotonic() + seconds, _FIRST_PAUSE
        while not (found := readiness.verdict(self.cluster, live)).ready:
            self._engine.show_status(urn, found.reason)
            problem = f"{reference} failed" if found.failed else ""
            if not problem and time.monotonic() > deadline:
                problem = f"{reference} is not ready after {seconds:g} s"
            if problem:
                reasons = [found.reason, *readiness.symptoms(self.cluster, live)]
                raise UnreadyError(f"{problem}: " + "\n".join(reasons), live)
            try:
                self._engine.wait(pause, f"waiting for {reference}: {found.reason}")
            except CancelledError as error:
                raise UnreadyError(str(error), live) from error
            pause = min(pause * 1.5, _LONGEST_PAUSE)
            now = self.cluster.get(reference)
            if now is None:
                raise StandinError(
                    f"{reference} was deleted by somebody else before it was ready; run `pulumi up` again"
                )
            live = {**now, FIELD_MANAGER: manager}
        return live


def _new_manager() -> str:
    return f"{_MANAGER_PREFIX}{secrets.token_hex(4)}"


def _manager(state: Manifest) -> str:
    return str(state.get(FIELD_MANAGER) or _new_manager())


def _annotation(manifest: Manifest, name: str) -> Any:
    metadata = manifest.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    return annotations.get(name) if isinstance(annotations, dict) else None


def _annotated_timeout(manifest: Manifest) -> float:
    return float(_annotation(manifest, _TIMEOUT) or 0)


def _forced(manifest: Manifest) -> bool:
    return _annotation(manifest, _FORCE) == "true" or os.environ.get(_FORCE_VARIABLE) == "true"
