"""The user's proxy and certificate authority reach Java programs."""

import datetime
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from providers.local.artifacts.errors import ArtifactError
from providers.local.artifacts.trust import java_options, truststore


def _authority(path: Path, name: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(path.read_bytes() if path.exists() else b"")
    with path.open("ab") as stream:
        stream.write(certificate.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.skipif(shutil.which("keytool") is None, reason="needs keytool, which a JDK or JRE brings")
def test_java_reads_every_authority_of_the_bundle(tmp_path: Path) -> None:
    bundle = _authority(_authority(tmp_path / "ca.pem", "first"), "second")
    store = truststore(tmp_path / "cache", {"SSL_CERT_FILE": str(bundle)})
    assert store is not None
    listed = subprocess.check_output(
        ["keytool", "-list", "-v", "-keystore", store, "-storepass", "changeit"], text=True
    )
    assert listed.count("Entry type: trustedCertEntry") == 2
    assert "CN=first" in listed
    assert "CN=second" in listed


def test_a_changed_bundle_makes_another_store(tmp_path: Path) -> None:
    bundle = _authority(tmp_path / "ca.pem", "first")
    environment = {"SSL_CERT_FILE": str(bundle)}
    first = truststore(tmp_path / "cache", environment)
    assert truststore(tmp_path / "cache", environment) == first
    _authority(bundle, "second")
    assert truststore(tmp_path / "cache", environment) != first


def test_without_variables_java_is_left_alone(tmp_path: Path) -> None:
    assert java_options(tmp_path, {}) == []


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_bundle_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArtifactError, match=f"{name} names /nowhere, which is no file"):
        truststore(tmp_path, {name: "/nowhere"})


def test_a_bundle_that_is_no_bundle_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nnoise\n-----END CERTIFICATE-----\n")
    with pytest.raises(ArtifactError, match=r"ca\.pem holds a certificate that cannot be read"):
        truststore(tmp_path, {"SSL_CERT_FILE": str(tmp_path / "ca.pem")})


def test_a_proxy_reaches_java_with_its_user_and_its_exceptions(tmp_path: Path) -> None:
    options = java_options(
        tmp_path,
        {"HTTPS_PROXY": "http://us%40er:pass@proxy.corp:3128", "no_proxy": "localhost, .corp,10.0.0.1"},
    )
    assert options == [
        "-Dhttps.proxyHost=proxy.corp",
        "-Dhttps.proxyPort=3128",
        "-Dhttps.proxyUser=us@er",
        "-Dhttps.proxyPassword=pass",
        "-Dhttp.nonProxyHosts=localhost|*.corp|10.0.0.1",
    ]


def test_a_proxy_without_a_scheme_is_understood(tmp_path: Path) -> None:
    assert java_options(tmp_path, {"http_proxy": "proxy:8080"}) == [
        "-Dhttp.proxyHost=proxy",
        "-Dhttp.proxyPort=8080",
    ]
