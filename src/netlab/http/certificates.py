"""The server's certificate and the kubeconfig that trusts it; made at each start, in memory."""

from __future__ import annotations

import base64
import ipaddress
import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID = timedelta(days=365)
CLOCK_SKEW = timedelta(hours=1)

_AlternativeNames = list[x509.GeneralName]


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM texts: the authority that clients trust, the server's certificate and its key."""

    ca_pem: bytes
    cert_pem: bytes
    key_pem: bytes


def make_certificates() -> Certificates:
    """Return a new authority and a certificate by it for 127.0.0.1, ::1 and localhost."""
    ca_key, server_key = _new_key(), _new_key()
    issuer = _common_name("netproof lab CA")
    ca = _certificate_builder(issuer, issuer, ca_key).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    # OpenSSL's strict mode, the default of newer Pythons, wants the key identifiers.
    own_id = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())
    ca = ca.add_extension(usage, critical=True).add_extension(own_id, critical=False)
    ca_cert = ca.sign(ca_key, hashes.SHA256())
    cert = _server_certificate(issuer, server_key, own_id).sign(ca_key, hashes.SHA256())
    return Certificates(
        ca_cert.public_bytes(serialization.Encoding.PEM),
        cert.public_bytes(serialization.Encoding.PEM),
        server_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def server_context(certificates: Certificates) -> ssl.SSLContext:
    """Return the TLS context of a server with these certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    # OpenSSL loads from files only; this one has no name once it is closed.
    with tempfile.NamedTemporaryFile() as file:
        file.write(certificates.key_pem + certificates.cert_pem)
        file.flush()
        context.load_cert_chain(file.name)
    return context


def kubeconfig_text(
    server_url: str, ca_pem: bytes, token: str, name: str, *, ca_file: str = ""
) -> str:
    """Return the YAML with which kubectl and the client libraries reach the server.

    With `ca_file`, a path relative to the kubeconfig, the authority is left to that file: the
    Python client writes one that is in the text to a temporary file, which its death leaves there.
    """
    authority = {"certificate-authority-data": base64.b64encode(ca_pem).decode()}
    if ca_file:
        authority = {"certificate-authority": ca_file}
    cluster = {"server": server_url, **authority}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    return yaml.safe_dump(config, sort_keys=False)


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _common_name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _certificate_builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + VALID)
    )


def _server_certificate(
    issuer: x509.Name, key: ec.EllipticCurvePrivateKey, authority: x509.SubjectKeyIdentifier
) -> x509.CertificateBuilder:
    addresses = [ipaddress.ip_address(text) for text in ("127.0.0.1", "::1")]
    names: _AlternativeNames = [
        x509.DNSName("localhost"),
        *(x509.IPAddress(ip) for ip in addresses),
    ]
    own_id = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority)
    return (
        _certificate_builder(_common_name("netproof lab API server"), issuer, key)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(own_id, critical=False)
    )
