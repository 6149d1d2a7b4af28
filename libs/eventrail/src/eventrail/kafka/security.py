"""How every Kafka client reaches the brokers: addresses, TLS and user, from one place."""

import asyncio
import ssl
from typing import Any

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from eventrail.errors import ConfigurationError, KafkaUnavailable
from eventrail.settings import KafkaSettings

Brokers = KafkaSettings | str
"""Settings, or for brokers without TLS and users (tests) their addresses alone."""

_PROBE_SECONDS = 5.0


def client_options(brokers: Brokers) -> dict[str, Any]:
    """The arguments of any aiokafka client that say where the brokers are and how to speak to them.

    Reads the certificates' and the password's files, so that a client made later uses what was renewed.
    Raises ConfigurationError that names the setting whose file cannot be used.
    """
    if isinstance(brokers, str):
        return {"bootstrap_servers": brokers}
    options: dict[str, Any] = {
        "bootstrap_servers": brokers.kafka_bootstrap_servers,
        "security_protocol": brokers.kafka_security_protocol,
    }
    if brokers.kafka_security_protocol.endswith("SSL"):
        options["ssl_context"] = brokers.kafka_tls()
    if brokers.kafka_security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = brokers.kafka_sasl_mechanism
        options["sasl_plain_username"] = brokers.kafka_sasl_username
        options["sasl_plain_password"] = brokers.kafka_password()
    return options


def addresses(brokers: Brokers) -> str:
    """Where the brokers are asked for first, for people to read."""
    return brokers if isinstance(brokers, str) else brokers.kafka_bootstrap_servers


async def unreachable(brokers: Brokers, error: Exception) -> KafkaUnavailable:
    """The error to raise after a client could not start because of `error`: it names the setting to look at.

    aiokafka tells only that no broker took it, so the brokers are asked once more, each for at most 5 s.
    """
    where = f"no answer from Kafka at {addresses(brokers)}"
    if isinstance(brokers, str) or not isinstance(error, KafkaConnectionError | OSError):
        return KafkaUnavailable(f"{where}: {error!r}")
    try:
        found = await why_refused(brokers)
    except ConfigurationError as wrong:
        found = str(wrong)
    return KafkaUnavailable(f"{where}: {found or repr(error)}")


async def why_refused(settings: KafkaSettings) -> str | None:
    """Ask each broker of the settings; why the last one refused us, None as soon as one takes us.

    The text names the settings to look at. Raises ConfigurationError as `client_options` does.
    """
    options = client_options(settings)
    why: str | None = None
    for host, port, _family in collect_hosts(options.pop("bootstrap_servers")):
        try:
            await _ask(host, port, options)
        except (KafkaError, OSError, TimeoutError) as error:
            why = _explain(settings, error)
        else:
            return None
    return why


async def _ask(host: str, port: int, options: dict[str, Any]) -> None:
    async with asyncio.timeout(_PROBE_SECONDS):
        connection = await create_conn(host, port, request_timeout_ms=int(_PROBE_SECONDS * 1000), **options)
        try:
            # A listener that wants a user lets anybody ask for versions, and hangs up at the next request.
            await connection.send(MetadataRequest([]))
        finally:
            connection.close()


def _explain(settings: KafkaSettings, error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate(settings, error)
    if isinstance(error, SaslAuthenticationFailed | AuthenticationFailedError | ValueError):
        return (
            f"the broker refuses user {settings.kafka_sasl_username}: look at EVENTRAIL_KAFKA_SASL_USERNAME, "
            "EVENTRAIL_KAFKA_SASL_PASSWORD and EVENTRAIL_KAFKA_SASL_MECHANISM"
        )
    if isinstance(error, UnsupportedSaslMechanismError | AuthenticationMethodNotSupported):
        return f"the broker does not know EVENTRAIL_KAFKA_SASL_MECHANISM={settings.kafka_sasl_mechanism}"
    if isinstance(error, ConnectionRefusedError) or not _hung_up(error):
        return repr(error)
    return (
        f"the broker hung up: does its listener speak EVENTRAIL_KAFKA_SECURITY_PROTOCOL="
        f"{settings.kafka_security_protocol}, and does it want a certificate (EVENTRAIL_KAFKA_SSL_CERT_FILE)? "
        f"({error!r})"
    )


def _hung_up(error: BaseException) -> bool:
    kinds = (ssl.SSLError, ConnectionError, KafkaConnectionError, IllegalSaslStateError)
    return isinstance(error, kinds)


def _certificate(settings: KafkaSettings, error: ssl.SSLCertVerificationError) -> str:
    trusted = settings.kafka_ssl_ca_file or "the authorities of the system"
    return (
        f"the broker's certificate is not valid: {error.verify_message} "
        f"(trusted: EVENTRAIL_KAFKA_SSL_CA_FILE, {trusted})"
    )
