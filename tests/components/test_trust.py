"""Java's trust store for an issuer of the user's own."""

import base64
from functools import partial
from pathlib import Path

import pulumi
import pytest
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from components import trust
from components.base import Endpoint, Tls
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


def test_a_public_issuer_needs_no_store() -> None:
    assert trust.files(_endpoint(None)) == {}
    assert trust.options(_endpoint(None)) == ()


def test_the_store_is_the_same_at_every_run() -> None:
    """Else every preview would show a change."""
    assert _store(PEM) == _store(PEM)


@pytest.mark.parametrize("count", [1, 3, 40])
def test_the_store_holds_every_certificate_given(tmp_path: Path, count: int) -> None:
    made = [CertificateAuthority(tmp_path / str(n), f"ca-{n}").certificate.read_text() for n in range(count)]
    assert len(load_pkcs12(_store("".join(made)), None).additional_certs) == count
