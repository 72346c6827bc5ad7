"""Java's trust store for a server whose certificate comes from the user's own certificate authority.

Java reads no PEM file, and the trust store of an image belongs to root. A program that is given this store
trusts its authorities and no public one.
"""

import base64
from collections.abc import Mapping

import pulumi

from components.base import Endpoint


def files(endpoint: Endpoint) -> Mapping[str, pulumi.Input[str]]:
    """Returns the trust store for `endpoint`, in Base64 by file name; a Java client of the endpoint needs it
    among its binary files. The result is empty if a public authority vouches for the endpoint."""
    if endpoint.tls.ca is None:
        return {}
    return {_file_name(endpoint): pulumi.Output.from_input(endpoint.tls.ca).apply(_trust_store)}


def options(endpoint: Endpoint) -> tuple[str, ...]:
    """Returns the JVM options (templates over `{run}`) that make a Java client of `endpoint` use the store
    of `files`. The result is empty if a public authority vouches for the endpoint."""
    if endpoint.tls.ca is None:
        return ()
    store = f"-Djavax.net.ssl.trustStore={{run}}/{_file_name(endpoint)}"
    return (store, "-Djavax.net.ssl.trustStoreType=PKCS12")


def _file_name(endpoint: Endpoint) -> str:
    return f"{endpoint.component}-ca.p12"


def _trust_store(pem: str) -> str:
    """Converts the certificates of `pem` to a PKCS #12 trust store in Base64, which Java opens without a
    password. The same certificates give the same bytes, so that a preview shows no change."""
    # These imports take a tenth of a second, and few stacks have an authority of their own.
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
    """Removes the optional MAC of a PFX (RFC 7292, section 4). `serialize_java_truststore` always adds one
    with a random salt; without a password it proves nothing."""
    from cryptography.hazmat import asn1

    @asn1.sequence
    class Pfx:
        version: int
        authenticated_safe: asn1.TLV

    @asn1.sequence
    class PfxWithMac:
        version: int
        authenticated_safe: asn1.TLV
        mac: asn1.TLV

    pfx = asn1.decode_der(PfxWithMac, store)
    return asn1.encode_der(Pfx(version=pfx.version, authenticated_safe=pfx.authenticated_safe))
