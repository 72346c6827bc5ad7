"""The user's proxy and certificate authority, in the words of a Java program.

pip and go read HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE themselves; a Java program reads none of them.
"""

import hashlib
import os
import tempfile
import urllib.parse
import warnings
from collections.abc import Mapping
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12Certificate, serialize_java_truststore
from cryptography.utils import CryptographyDeprecationWarning

from providers.local.artifacts.cache import directory
from providers.local.artifacts.errors import ArtifactError

_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PASSWORD = "changeit"  # The customary one: the store holds public certificates only.


def private_bundle(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The PEM bundle that the user's variables name; None when none does."""
    for variable in _VARIABLES:
        if value := environment.get(variable):
            path = Path(value)
            if not path.is_file():
                raise ArtifactError(
                    f"{variable} names {value}, which is no file. Unset it or correct it, and run again."
                )
            return path
    return None


def truststore(cache: Path, environment: Mapping[str, str] = os.environ) -> Path | None:
    """A PKCS12 store, in the cache, of the certificates of the user's bundle; None without a bundle."""
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
    """The `-D` options that give a Java program the user's proxy and certificate authority."""
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
    """A `java @file` argument file of `java_options`, readable by its owner only: a proxy's password
    must stand in no command line. None when there are no options."""
    options = java_options(cache, environment)
    if not options:
        return None
    text = "".join('"' + option.replace("\\", "\\\\").replace('"', '\\"') + '"\n' for option in options)
    file = directory(cache, "trust") / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.options"
    if not file.exists():
        descriptor, scratch = tempfile.mkstemp(dir=file.parent)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(text)
        Path(scratch).rename(file)
    return file


def _proxy_options(environment: Mapping[str, str]) -> list[str]:
    options: list[str] = []
    for scheme in ("http", "https"):
        value = _variable(environment, f"{scheme}_proxy") or _variable(environment, "all_proxy")
        if not value:
            continue
        proxy = urllib.parse.urlsplit(value if "//" in value else f"//{value}")
        options += [f"-D{scheme}.proxyHost={proxy.hostname}", f"-D{scheme}.proxyPort={proxy.port or 80}"]
        if proxy.username:
            options += [f"-D{scheme}.proxyUser={urllib.parse.unquote(proxy.username)}"]
        if proxy.password:
            options += [f"-D{scheme}.proxyPassword={urllib.parse.unquote(proxy.password)}"]
    if options and (exceptions := _variable(environment, "no_proxy")):
        hosts = (host.strip() for host in exceptions.split(","))
        options.append(
            "-Dhttp.nonProxyHosts="
            + "|".join(f"*{host}" if host.startswith(".") else host for host in hosts if host)
        )
    return options


def _variable(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name) or environment.get(name.upper(), "")
