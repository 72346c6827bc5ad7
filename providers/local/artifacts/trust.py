"""Passes the user's proxy and certificate authority on to pip and to Java programs.

go reads HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE itself, and pip reads the first two. A Java program reads
none of them, and Maven takes the password of a proxy from its settings only.
"""

import hashlib
import os
import tempfile
import urllib.parse
import warnings
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12Certificate, serialize_java_truststore
from cryptography.utils import CryptographyDeprecationWarning

from providers.local.artifacts.cache import directory
from providers.local.artifacts.errors import ArtifactError

_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PASSWORD = "changeit"  # The customary one: the store holds public certificates only.


def private_bundle(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Returns the PEM bundle that the user's variables name, or None when they name none.

    Raises ArtifactError when a variable names a file that is not there.
    """
    for variable in _VARIABLES:
        if value := environment.get(variable):
            path = Path(value)
            if not path.is_file():
                raise ArtifactError(
                    f"{variable} names {value}, which is not a file. Correct or unset it, and run again."
                )
            return path
    return None


def pip_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Returns `environment` with the user's bundle for pip, unless it names another one for pip already."""
    bundle = private_bundle(environment)
    return {**({} if bundle is None else {"PIP_CERT": str(bundle)}), **environment}


def truststore(cache: Path, environment: Mapping[str, str] = os.environ) -> Path | None:
    """Writes the certificates of the user's bundle into a PKCS12 store in the cache, and returns its path.

    Returns None without a bundle. Raises ArtifactError for a bundle that cannot be read.
    """
    bundle = private_bundle(environment)
    if bundle is None:
        return None
    pem = bundle.read_bytes()
    store = directory(cache, "trust") / f"{hashlib.sha256(pem).hexdigest()[:16]}.p12"
    if not store.exists():
        try:
            with warnings.catch_warnings():
                # Debian's own bundle has certificates that RFC 5280 frowns upon.
                warnings.simplefilter("ignore", CryptographyDeprecationWarning)
                certificates = x509.load_pem_x509_certificates(pem)
        except ValueError as error:
            raise ArtifactError(
                f"{bundle} holds a certificate that cannot be read: {error}. Correct it and run again."
            ) from error
        named = [
            PKCS12Certificate(certificate, str(number).encode())
            for number, certificate in enumerate(certificates)
        ]
        descriptor, scratch = tempfile.mkstemp(dir=store.parent)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(serialize_java_truststore(named, BestAvailableEncryption(_PASSWORD.encode())))
        Path(scratch).rename(store)
    return store


def java_options(cache: Path, environment: Mapping[str, str] = os.environ) -> list[str]:
    """Returns the `-D` options that give a Java program the user's proxy and certificate authority."""
    options = _proxy_options(environment)
    store = truststore(cache, environment)
    if store is not None:
        options += [
            f"-Djavax.net.ssl.trustStore={store}",
            f"-Djavax.net.ssl.trustStorePassword={_PASSWORD}",
            "-Djavax.net.ssl.trustStoreType=PKCS12",
        ]
    return options


def argument_file(cache: Path, environment: Mapping[str, str] = os.environ) -> Path | None:
    """Writes `java_options` into an argument file (`java @file`) and returns its path, or None without
    options.

    Only its owner may read it: the options may hold the password of a proxy, which must not stand in a
    command line.
    """
    options = java_options(cache, environment)
    if not options:
        return None
    text = "".join('"' + option.replace("\\", "\\\\").replace('"', '\\"') + '"\n' for option in options)
    return _private_file(cache, text, ".options")


def maven_settings(
    cache: Path, installation: Path, environment: Mapping[str, str] = os.environ
) -> Path | None:
    """Writes settings for `mvn --global-settings` with the proxies that ask for a user, and returns their
    path.

    They begin with the settings of `installation` (its settings.xml, if it has one); the user's own settings
    still come first. Returns None when no proxy asks for a user, since Maven takes all else from the options
    of Java.
    """
    proxies = {scheme: proxy for scheme, proxy in _proxies(environment).items() if proxy.username}
    if not proxies:
        return None
    text = installation.read_text() if installation.exists() else "<settings/>"
    root = ElementTree.fromstring(text)  # noqa: S314  (the machine's own, which mvn would read too)
    uri = root.tag.rpartition("}")[0].removeprefix("{")
    prefix = f"{{{uri}}}" if uri else ""
    found = root.find(f"{prefix}proxies")
    parent = ElementTree.SubElement(root, f"{prefix}proxies") if found is None else found
    for scheme, proxy in proxies.items():
        element = ElementTree.SubElement(parent, f"{prefix}proxy")
        for name, value in {
            "id": f"nebula-{scheme}",
            "active": "true",
            "protocol": scheme,
            "host": proxy.hostname,
            "port": str(proxy.port or 80),
            "username": urllib.parse.unquote(proxy.username or ""),
            "password": urllib.parse.unquote(proxy.password or ""),
            "nonProxyHosts": _exceptions(environment),
        }.items():
            ElementTree.SubElement(element, f"{prefix}{name}").text = value
    # mvn knows no prefixes: the namespace must be the default one.
    return _private_file(cache, ElementTree.tostring(root, "unicode", default_namespace=uri or None), ".xml")


def _private_file(cache: Path, text: str, suffix: str) -> Path:
    """Returns a file with `text` that only its owner may read. The same text has the same file."""
    file = directory(cache, "trust") / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}{suffix}"
    if not file.exists():
        descriptor, scratch = tempfile.mkstemp(dir=file.parent)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(text)
        Path(scratch).rename(file)
    return file


def _proxy_options(environment: Mapping[str, str]) -> list[str]:
    options: list[str] = []
    for scheme, proxy in _proxies(environment).items():
        options += [f"-D{scheme}.proxyHost={proxy.hostname}", f"-D{scheme}.proxyPort={proxy.port or 80}"]
        if proxy.username:
            options += [f"-D{scheme}.proxyUser={urllib.parse.unquote(proxy.username)}"]
        if proxy.password:
            options += [f"-D{scheme}.proxyPassword={urllib.parse.unquote(proxy.password)}"]
    if options and (exceptions := _exceptions(environment)):
        options.append(f"-Dhttp.nonProxyHosts={exceptions}")
    return options


def _proxies(environment: Mapping[str, str]) -> dict[str, urllib.parse.SplitResult]:
    """Returns the proxies, by the scheme of the addresses that are asked through them."""
    named = {
        scheme: _variable(environment, f"{scheme}_proxy") or _variable(environment, "all_proxy")
        for scheme in ("http", "https")
    }
    return {
        scheme: urllib.parse.urlsplit(value if "//" in value else f"//{value}")
        for scheme, value in named.items()
        if value
    }


def _exceptions(environment: Mapping[str, str]) -> str:
    """Returns NO_PROXY as Java writes it."""
    hosts = (host.strip() for host in _variable(environment, "no_proxy").split(","))
    return "|".join(f"*{host}" if host.startswith(".") else host for host in hosts if host)


def _variable(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name) or environment.get(name.upper(), "")
