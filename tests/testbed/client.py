"""Sends plain requests to an API server, with the address and credentials of a kubeconfig."""

import base64
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
import yaml

_SECONDS = 30


class Client:
    """A client for the user of a testbed's kubeconfig. Methods return the server's response, status and body,
    and do not raise for an error status."""

    def __init__(self, kubeconfig: Path) -> None:
        settings = yaml.safe_load(kubeconfig.read_text())
        cluster, user = settings["clusters"][0]["cluster"], settings["users"][0]["user"]
        self._url = str(cluster["server"])
        # Held as long as the client: requests takes certificates as files only.
        self._files = tempfile.TemporaryDirectory()
        authority = self._file("ca", cluster["certificate-authority-data"])
        certificate = self._file("crt", user["client-certificate-data"])
        key = self._file("key", user["client-key-data"])
        self._session = requests.Session()
        self._session.trust_env = False  # Neither a proxy nor another authority of the user's.
        self._session.verify, self._session.cert = authority, (certificate, key)

    def _file(self, name: str, encoded: str) -> str:
        path = Path(self._files.name, name)
        path.write_bytes(base64.b64decode(encoded))
        return str(path)

    def get(self, path: str) -> dict[str, Any]:
        """Return the object or list at `path`. Raises requests.HTTPError when it does not exist."""
        answer = self._session.get(f"{self._url}{path}", timeout=_SECONDS)
        answer.raise_for_status()
        return dict(answer.json())

    def apply(self, path: str, manifest: dict[str, Any], dry_run: bool = False) -> requests.Response:
        """Apply a manifest on the server, with strict validation of its fields. With `dry_run` nothing is
        stored."""
        options = {"fieldManager": "tests", "fieldValidation": "Strict", "force": "true"}
        return self._session.patch(
            f"{self._url}{path}",
            params=options | ({"dryRun": "All"} if dry_run else {}),
            data=yaml.safe_dump(manifest),
            headers={"Content-Type": "application/apply-patch+yaml"},
            timeout=_SECONDS,
        )

    def watch(self, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each event below `path` for half a minute: ADDED, MODIFIED or DELETED, and the object.
        Existing objects come first, as ADDED."""
        options = {"watch": "true", "timeoutSeconds": str(_SECONDS)}
        with self._session.get(f"{self._url}{path}", params=options, stream=True, timeout=_SECONDS) as answer:
            for line in answer.iter_lines():
                event = json.loads(line)
                yield event["type"], event["object"]

    def delete(self, path: str) -> requests.Response:
        return self._session.delete(f"{self._url}{path}", timeout=_SECONDS)

    def close(self) -> None:
        self._session.close()
        self._files.cleanup()
