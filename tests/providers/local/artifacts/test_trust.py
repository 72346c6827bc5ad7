"""The user's proxy and certificate authority reach pip and Java programs."""

import datetime
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from providers.local.artifacts.errors import ArtifactError
from providers.local.artifacts.trust import java_options, maven_settings, pip_environment, truststore


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
    with pytest.raises(ArtifactError, match=f"{name} names /nowhere, which is not a file"):
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


_INSTALLED = """<settings xmlns="http://maven.apache.org/SETTINGS/1.2.0">
  <mirrors><mirror><id>site</id><mirrorOf>*</mirrorOf><url>https://maven.corp/</url></mirror></mirrors>
</settings>
"""


def test_a_proxy_s_user_reaches_maven_beside_what_its_installation_says(tmp_path: Path) -> None:
    installed = tmp_path / "settings.xml"
    installed.write_text(_INSTALLED)
    environment = {"HTTPS_PROXY": "http://us%40er:p%26ss@proxy.corp:3128", "no_proxy": ".corp"}
    file = maven_settings(tmp_path / "cache", installed, environment)
    assert file is not None
    assert file.stat().st_mode & 0o077 == 0
    names = {"": "http://maven.apache.org/SETTINGS/1.2.0"}
    root = ElementTree.parse(file).getroot()  # noqa: S314  (what was just written)
    assert root.findtext("mirrors/mirror/url", namespaces=names) == "https://maven.corp/"
    found = root.find("proxies/proxy", names)
    assert found is not None
    assert {child.tag.rpartition("}")[2]: child.text for child in found} == {
        "id": "nebula-https",
        "active": "true",
        "protocol": "https",
        "host": "proxy.corp",
        "port": "3128",
        "username": "us@er",
        "password": "p&ss",
        "nonProxyHosts": "*.corp",
    }


def test_a_proxy_without_a_user_needs_no_settings(tmp_path: Path) -> None:
    assert maven_settings(tmp_path, tmp_path / "none", {"HTTPS_PROXY": "proxy.corp:3128"}) is None
    assert not list(tmp_path.iterdir())


def test_pip_is_given_the_bundle_unless_it_has_one_of_its_own(tmp_path: Path) -> None:
    bundle = tmp_path / "site.pem"
    bundle.touch()
    assert pip_environment({"SSL_CERT_FILE": str(bundle)})["PIP_CERT"] == str(bundle)
    assert pip_environment({"SSL_CERT_FILE": str(bundle), "PIP_CERT": "mine"})["PIP_CERT"] == "mine"
    assert "PIP_CERT" not in pip_environment({})
