"""Java's trust store for a server whose certificate is of an issuer of the user's own.

Java reads no PEM, and its images have a store that is root's. This one takes its place: a program that
has it trusts these issuers and no public one.
"""

import base64
from collections.abc import Mapping

import pulumi

from components.base import Endpoint

_LONG_FORM = 0x80


def files(endpoint: Endpoint) -> Mapping[str, pulumi.Input[str]]:
    """What a Java client of `endpoint` must have among its binary files."""
    if endpoint.tls.ca is None:
        return {}
    return {_name(endpoint): pulumi.Output.from_input(endpoint.tls.ca).apply(_store)}


def options(endpoint: Endpoint) -> tuple[str, ...]:
    """Its JVM options (templates)."""
    if endpoint.tls.ca is None:
        return ()
    store = f"-Djavax.net.ssl.trustStore={{run}}/{_name(endpoint)}"
    return (store, "-Djavax.net.ssl.trustStoreType=PKCS12")


def _name(endpoint: Endpoint) -> str:
    return f"{endpoint.component}-ca.p12"


def _store(pem: str) -> str:
    """PKCS #12 without a password, in Base64: the same at every run for the same certificates."""
    # Imported when a site has an issuer of its own: it takes a tenth of a second.
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import NoEncryption
    from cryptography.hazmat.primitives.serialization.pkcs12 import (
        PKCS12Certificate,
        serialize_java_truststore,
    )

    certificates = [
        PKCS12Certificate(certificate, f"issuer-{number}".encode())
        for number, certificate in enumerate(x509.load_pem_x509_certificates(pem.encode()))
    ]
    return base64.b64encode(_without_mac(serialize_java_truststore(certificates, NoEncryption()))).decode()


def _without_mac(store: bytes) -> bytes:
    """A PFX (RFC 7292, section 4) without its third part, which has a random salt and, without a
    password, proves nothing."""
    start, _ = _value(store, 0)
    _, version_end = _value(store, start)
    _, content_end = _value(store, version_end)
    kept = store[start:content_end]
    return store[:1] + _length(len(kept)) + kept


def _value(der: bytes, at: int) -> tuple[int, int]:
    """Where the value of the DER element at `at` begins and ends."""
    first, start = der[at + 1], at + 2
    if first < _LONG_FORM:
        return start, start + first
    count = first - _LONG_FORM
    return start + count, start + count + int.from_bytes(der[start : start + count], "big")


def _length(number: int) -> bytes:
    if number < _LONG_FORM:
        return bytes([number])
    octets = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return bytes([_LONG_FORM + len(octets)]) + octets
