"""A service of projections as its users run it, for tests: real processes, HTTP."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import requests

from apps.projections import tokens
from apps.projections.keys import ViewKey
from tests.apps.projections import ledger
from tests.apps.projections.nats_server import NatsServer
from tests.apps.projections.test_spec import write
from tests.apps.provisioner.servers import free_port
from tests.providers.local.plugin.client import until

REPOSITORY = Path(__file__).resolve().parents[3]
KEY = "k" * 32
TENANTS = ("ewr", "jfk")


class Running:
    """A service that may be killed and started again on its files."""

    def __init__(self, directory: Path, nats: NatsServer, data: Path | None = None, **changes: Any) -> None:
        self.port = free_port()
        projection = {
            "view": ledger.VIEW,
            "stream": "EVENTS",
            "subjects": ["events.>"],
            "tenant_token": 1,
            "program": ledger.PROGRAM,
            "batch": 50,
            **changes,
        }
        self.spec = write(
            directory,
            projection,
            nats={"servers": [nats.url]},
            listen={"host": "127.0.0.1", "port": self.port, "names": ["worker.lab.svc"]},
            key=KEY,
            directory=str(data or directory / "data"),
        )
        self._directory = directory
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        return (self._directory / "service.log").read_text()

    def start(self, ready: bool = True) -> "Running":
        with (self._directory / "service.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "apps.projections", "serve", str(self.spec)],
                cwd=REPOSITORY,
                stdout=log,
                stderr=log,
            )
        if ready:
            until(lambda: self.status("/ready") == 200)
        return self

    def command(self, *words: str) -> str:
        """What a command of the command line prints."""
        done = subprocess.run(
            [sys.executable, "-m", "apps.projections", *words],
            cwd=REPOSITORY, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{words}: {done.stderr}\n{self.log}"
        return done.stdout

    def status(self, path: str) -> int:
        """0 when nobody answers."""
        assert self.process is not None
        assert self.process.poll() is None, self.log
        try:
            return requests.get(f"http://127.0.0.1:{self.port}{path}", timeout=10).status_code
        except requests.ConnectionError:
            return 0

    def wrong(self, path: str) -> str:
        """What a probe that fails says; nothing when it does not, or nobody answers."""
        try:
            answer = requests.get(f"http://127.0.0.1:{self.port}{path}", timeout=10)
        except requests.ConnectionError:
            return ""
        return str(answer.json()["status"]) if answer.status_code == 503 else ""

    def views(self) -> dict[bytes, bytes]:
        """All tenants' views, page by page, as a store would have them."""
        found: dict[bytes, bytes] = {}
        for tenant in TENANTS:
            after = None
            while True:
                page = self.ask(tenant, limit="7", **({"after": after} if after else {}))
                for each in page["views"]:
                    text = json.dumps(each["view"], separators=(",", ":"))
                    found[ViewKey(tenant, ledger.VIEW, each["id"]).encode()] = text.encode()
                if (after := page["next"]) is None:
                    break
        return found

    def ask(self, tenant: str, **parameters: str) -> dict[str, Any]:
        answer = requests.get(
            f"http://127.0.0.1:{self.port}/v1/views/{ledger.VIEW}",
            params={"tenant": tenant, **parameters},
            headers={"Authorization": f"Bearer {tokens.make_token(KEY, tenant)}"},
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def worker(self) -> psutil.Process:
        assert self.process is not None
        (found,) = [each for each in psutil.Process(self.process.pid).children() if "work" in each.cmdline()]
        return found

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
