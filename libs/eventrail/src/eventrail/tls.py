"""TLS on the client's side: which authorities are trusted, and by which certificate we are known."""

import ssl
from pathlib import Path
from typing import NamedTuple

from eventrail.errors import ConfigurationError


class Names(NamedTuple):
    """What the settings of the three files are called."""

    ca: str
    cert: str
    key: str


def client_context(
    ca_file: Path | None, cert_file: Path | None, key_file: Path | None, names: Names
) -> ssl.SSLContext:
    """A context that checks the server's certificate and name; TLS 1.2 or later.

    Without `ca_file` the authorities of the system are trusted. `cert_file` (PEM, with the chain) and `key_file`
    (PEM, not encrypted; None where the key is in `cert_file`) are shown to servers that ask for a certificate.
    Reads the files now. Raises ConfigurationError that names the setting, one of `names`.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (ssl.SSLError, OSError) as error:
        raise ConfigurationError(
            f"{names.ca}: {ca_file} holds no certificates in PEM form: {_said(error)}"
        ) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if cert_file is not None:
        _show(context, cert_file, key_file, names)
    return context


def _show(context: ssl.SSLContext, cert_file: Path, key_file: Path | None, names: Names) -> None:
    try:
        # The password is given, or OpenSSL would ask for it at the terminal.
        context.load_cert_chain(cert_file, key_file, password="")
    except (ssl.SSLError, OSError, ValueError) as error:
        raise ConfigurationError(
            f"{names.cert} and {names.key}: {cert_file} and {key_file or 'the key in it'} are no "
            f"certificate in PEM form with its unencrypted key: {_said(error)}"
        ) from None


def _said(error: Exception) -> str:
    return str(getattr(error, "reason", None) or getattr(error, "strerror", None) or error)
