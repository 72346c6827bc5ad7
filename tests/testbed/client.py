"""Plain requests to an API server, by what a kubeconfig says."""

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
    """Speaks for the user of a kubeconfig of the testbed. Answers are what the server said: status and
    body; nothing is raised for an error status."""

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
        """The object or list at `path`. Raises requests.HTTPError when there is none."""
        answer = self._session.get(f"{self._url}{path}", timeout=_SECONDS)
        answer.raise_for_status()
        return dict(answer.json())

    def apply(self, path: str, manifest: dict[str, Any], dry_run: bool = False) -> requests.Response:
        """Server-side apply with strict field validation; with `dry_run` nothing is stored."""
        options = {"fieldManager": "tests", "fieldValidation": "Strict", "force": "true"}
        return self._session.patch(
            f"{self._url}{path}",
            params=options | ({"dryRun": "All"} if dry_run else {}),
            data=yaml.safe_dump(manifest),
            headers={"Content-Type": "application/apply-patch+yaml"},
            timeout=_SECONDS,
        )

    def watch(self, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """What happens below `path` (ADDED, MODIFIED, DELETED, and the object), what there is to begin
        with, for half a minute."""
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
