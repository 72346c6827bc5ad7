"""Java's trust store for the user's own certificate authority."""

import base64
import subprocess
from functools import partial
from pathlib import Path

import pulumi
import pytest
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from components import trust
from components.base import Endpoint, Tls
from tests.apps.provisioner.servers import home
from tests.infra.external_servers import PEM
from tests.mocked_program import run_program
from tests.testbed.certificates import CertificateAuthority


def _store(pem: str) -> bytes:
    contents: dict[str, str] = {}

    def program() -> None:
        for name, content in trust.files(_endpoint(pem)).items():
            pulumi.Output.from_input(content).apply(partial(contents.__setitem__, name))

    run_program(program)
    return base64.b64decode(contents["store-ca.p12"])


def _endpoint(pem: str | None) -> Endpoint:
    return Endpoint(component="store", tls=Tls("verify-full", pem))


def test_a_public_authority_needs_no_store() -> None:
    assert trust.files(_endpoint(None)) == {}
    assert trust.options(_endpoint(None)) == ()


def test_the_store_is_the_same_at_every_run() -> None:
    """Else every preview would show a change."""
    assert _store(PEM) == _store(PEM)


@pytest.mark.parametrize("count", [1, 3, 40])
def test_the_store_holds_every_certificate_given(tmp_path: Path, count: int) -> None:
    assert len(load_pkcs12(_store(_authorities(tmp_path, count)), None).additional_certs) == count


@pytest.mark.parametrize("java", ["java-21", "java-25"])
def test_java_reads_every_certificate_without_a_password(tmp_path: Path, java: str) -> None:
    store = tmp_path / "ca.p12"
    store.write_bytes(_store(_authorities(tmp_path, 3)))
    listed = subprocess.run(
        [home(java) / "bin" / "keytool", "-list", "-storetype", "PKCS12", "-keystore", store],
        input="\n",  # the answer to the question for a password
        capture_output=True,
        text=True,
        check=True,
    )
    assert listed.stdout.count("trustedCertEntry") == 3


def _authorities(folder: Path, count: int) -> str:
    """Makes `count` certificate authorities; returns their certificates in PEM."""
    made = [CertificateAuthority(folder / str(n), f"ca-{n}") for n in range(count)]
    return "".join(each.certificate.read_text() for each in made)
