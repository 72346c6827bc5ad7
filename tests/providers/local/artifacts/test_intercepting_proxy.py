"""pip, Maven and Go, the real ones, behind a proxy that asks for a password and inspects TLS."""

import base64
import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.software.toolchain import MAVEN_DEPENDENCY_PLUGIN
from providers.local.artifacts import FetchError, maven, pypi
from providers.local.artifacts.go import module_source
from providers.local.paths import cache_directory
from tests.providers.local.artifacts.conftest import PROJECT, VERSION, WHEEL, wheel
from tests.providers.local.artifacts.intercepting_proxy import InterceptingProxy, intercepting_proxy

_MODULE = "example.org/gadget"
# A file that every machine with Maven's dependency plugin has in its repository.
_COORDINATES = f"{MAVEN_DEPENDENCY_PLUGIN}:pom"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A package index with one wheel."""
    root = tmp_path / "site"
    (root / "simple" / PROJECT).mkdir(parents=True)
    (root / "simple" / PROJECT / "index.html").write_text(f'<a href="/files/{WHEEL}">{WHEEL}</a>')
    (root / "files").mkdir()
    (root / "files" / WHEEL).write_bytes(wheel())
    return root


@pytest.fixture
def proxy(tmp_path: Path, site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InterceptingProxy]:
    """The proxy of a site whose machines have its variables, and nothing else."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith(("PIP_", "CURL_", "REQUESTS_", "SSL_")):
            monkeypatch.delenv(name)
    (tmp_path / "proxy").mkdir()
    with intercepting_proxy(tmp_path / "proxy", site, cache_directory() / "maven") as running:
        monkeypatch.setenv("HTTPS_PROXY", running.url)
        monkeypatch.setenv("SSL_CERT_FILE", str(running.authority))
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("MAVEN_OPTS", f"-Duser.home={tmp_path}")
        monkeypatch.setenv("GOENV", "off")
        monkeypatch.setenv("NEBULA_RETRY_SECONDS", "0")
        yield running


def _wheel_part() -> dict[str, object]:
    content = wheel()
    row = {"file": WHEEL, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    return {"kind": "pypi", "requirement": f"{PROJECT}=={VERSION}", "files": [row]}


def test_pip_comes_through(proxy: InterceptingProxy, cache: Path) -> None:
    (path,) = pypi.fetch(_wheel_part(), cache, list[str]().append)
    assert path.read_bytes() == wheel()
    assert proxy.hosts


@pytest.mark.skipif(shutil.which("mvn") is None, reason="needs mvn on PATH")
def test_maven_comes_through(proxy: InterceptingProxy, cache: Path) -> None:
    served = maven.path_of(_COORDINATES, cache_directory())
    if not served.exists():
        pytest.skip(f"needs {served}: fetch the software first (python -m providers.local.artifacts install)")
    path = maven.download(_COORDINATES, cache, list[str]().append)
    assert path.read_bytes() == served.read_bytes()
    assert proxy.hosts


@pytest.mark.skipif(shutil.which("go") is None, reason="needs go on PATH")
def test_go_comes_through(proxy: InterceptingProxy, cache: Path, site: Path, tmp_path: Path) -> None:
    module = _publish_module(site, tmp_path)
    source = module_source(_MODULE, module, cache, list[str]().append)
    assert (source / "gadget.go").read_text() == "package gadget\n"
    assert proxy.hosts


def test_an_unknown_authority_is_refused_with_the_variable_to_set(
    proxy: InterceptingProxy, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(FetchError, match="SSL_CERT_FILE"):
        pypi.fetch(_wheel_part(), cache, list[str]().append)
    assert not list(cache.rglob(WHEEL))


def _publish_module(site: Path, tmp_path: Path) -> Path:
    """Publishes a module at `site`; the directory of one that requires it, verified by its go.sum."""
    files = {"go.mod": f"module {_MODULE}\n\ngo 1.19\n", "gadget.go": "package gadget\n"}
    versions = site / _MODULE / "@v"
    versions.mkdir(parents=True)
    (versions / "v1.0.0.info").write_text(json.dumps({"Version": "v1.0.0", "Time": "2020-01-01T00:00:00Z"}))
    (versions / "v1.0.0.mod").write_text(files["go.mod"])
    top = f"{_MODULE}@v1.0.0"
    with zipfile.ZipFile(versions / "v1.0.0.zip", "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{top}/{name}", text)
    whole = {f"{top}/{name}": text for name, text in files.items()}
    user = tmp_path / "user"
    user.mkdir()
    (user / "go.mod").write_text(f"module example.org/user\n\ngo 1.19\n\nrequire {_MODULE} v1.0.0\n")
    (user / "go.sum").write_text(
        f"{_MODULE} v1.0.0 {_h1(whole)}\n{_MODULE} v1.0.0/go.mod {_h1({'go.mod': files['go.mod']})}\n"
    )
    return user


def _h1(files: dict[str, str]) -> str:
    """Go's digest of a module: https://pkg.go.dev/golang.org/x/mod/sumdb/dirhash#Hash1."""
    lines = "".join(
        f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n" for name, text in sorted(files.items())
    )
    return "h1:" + base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()
