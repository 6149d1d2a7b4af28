"""A broker that does not take us: the message names the setting, and never a secret."""

from pathlib import Path
from typing import Any

import pytest

from eventrail.contract import topics
from eventrail.contract.topics import Topic
from eventrail.errors import KafkaUnavailable
from eventrail.kafka.admin import verify_topics
from eventrail.settings import KafkaSettings
from tests.faults.security.broker import PASSWORDS, SecureBroker

pytestmark = pytest.mark.stack

USER = "eventrail-enricher"
SEEN = [topic for topic in topics.ALL if topic not in (topics.SPOOLS, topics.ERASURES)]
UNSEEN = Topic("another-topic", "what the enricher has no right to")


def settings(broker: SecureBroker, **changes: Any) -> KafkaSettings:
    """The enricher's settings with `changes`; a change to None leaves the setting out."""
    given: dict[str, Any] = {
        "kafka_bootstrap_servers": broker.scram,
        "kafka_security_protocol": "SASL_SSL",
        "kafka_sasl_mechanism": "SCRAM-SHA-512",
        "kafka_sasl_username": USER,
        "kafka_sasl_password": PASSWORDS[USER],
        "kafka_ssl_ca_file": broker.authority,
        **changes,
    }
    return KafkaSettings(**{name: value for name, value in given.items() if value is not None})


async def complaint(given: KafkaSettings) -> str:
    with pytest.raises(KafkaUnavailable) as caught:
        await verify_topics(given, SEEN)
    told = str(caught.value)
    assert given.kafka_bootstrap_servers in told
    assert given.kafka_sasl_password == "" or given.kafka_sasl_password not in told
    return told


async def test_scram_over_tls_is_taken(secure: SecureBroker) -> None:
    await verify_topics(settings(secure), SEEN)


async def test_plain_over_tls_is_taken(secure: SecureBroker) -> None:
    given = settings(secure, kafka_bootstrap_servers=secure.sasl_plain, kafka_sasl_mechanism="PLAIN")
    await verify_topics(given, SEEN)


async def test_a_password_in_a_file_is_taken(secure: SecureBroker, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(PASSWORDS[USER] + "\n")
    given = settings(secure, kafka_sasl_password=None, kafka_sasl_password_file=file)
    await verify_topics(given, SEEN)


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN"])
async def test_wrong_password(secure: SecureBroker, mechanism: str) -> None:
    where = secure.scram if mechanism != "PLAIN" else secure.sasl_plain
    given = settings(
        secure,
        kafka_bootstrap_servers=where,
        kafka_sasl_mechanism=mechanism,
        kafka_sasl_password="no-such-word-71aa",
    )
    told = await complaint(given)
    assert f"refuses user {USER}" in told
    assert "EVENTRAIL_KAFKA_SASL_PASSWORD" in told


async def test_mechanism_that_the_listener_does_not_know(secure: SecureBroker) -> None:
    told = await complaint(settings(secure, kafka_sasl_mechanism="PLAIN"))
    assert "EVENTRAIL_KAFKA_SASL_MECHANISM=PLAIN" in told


async def test_wrong_authority(secure: SecureBroker) -> None:
    told = await complaint(settings(secure, kafka_ssl_ca_file=secure.other_authority))
    assert "certificate is not valid" in told
    assert f"EVENTRAIL_KAFKA_SSL_CA_FILE, {secure.other_authority}" in told


def tls_only(broker: SecureBroker, where: str, **changes: Any) -> KafkaSettings:
    bare = {"kafka_sasl_username": None, "kafka_sasl_password": None, "kafka_sasl_mechanism": None}
    return settings(broker, **bare, kafka_bootstrap_servers=where, kafka_security_protocol="SSL", **changes)


async def test_expired_certificate_of_the_broker(secure: SecureBroker) -> None:
    told = await complaint(tls_only(secure, secure.expired))
    assert "certificate has expired" in told


async def test_a_name_that_is_not_in_the_certificate(secure: SecureBroker) -> None:
    port = secure.scram.rpartition(":")[2]
    told = await complaint(settings(secure, kafka_bootstrap_servers=f"127.0.0.2:{port}"))
    assert "127.0.0.2" in told


async def test_client_without_tls_at_a_listener_with_tls(secure: SecureBroker) -> None:
    told = await complaint(KafkaSettings(kafka_bootstrap_servers=secure.scram))
    assert "EVENTRAIL_KAFKA_SECURITY_PROTOCOL=PLAINTEXT" in told


async def test_client_with_tls_at_a_listener_without(secure: SecureBroker) -> None:
    told = await complaint(tls_only(secure, secure.plain))
    assert "EVENTRAIL_KAFKA_SECURITY_PROTOCOL=SSL" in told


async def test_user_at_a_listener_without_users(secure: SecureBroker) -> None:
    given = settings(
        secure,
        kafka_bootstrap_servers=secure.plain,
        kafka_security_protocol="SASL_PLAINTEXT",
        kafka_ssl_ca_file=None,
    )
    assert "EVENTRAIL_KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT" in await complaint(given)


async def test_no_user_at_a_listener_with_users(secure: SecureBroker) -> None:
    told = await complaint(tls_only(secure, secure.scram))
    assert "EVENTRAIL_KAFKA_SECURITY_PROTOCOL=SSL" in told


async def test_a_listener_that_wants_a_certificate(secure: SecureBroker) -> None:
    told = await complaint(tls_only(secure, secure.mutual))
    assert "EVENTRAIL_KAFKA_SSL_CERT_FILE" in told


async def test_our_certificate_is_who_we_are(secure: SecureBroker) -> None:
    given = tls_only(
        secure,
        secure.mutual,
        kafka_ssl_cert_file=secure.client.cert,
        kafka_ssl_key_file=secure.client.key,
    )
    # The certificate's name has no rights here, so the topics are hidden: but the door is open.
    with pytest.raises(KafkaUnavailable, match=r"may not see .*: python -m eventrail acls"):
        await verify_topics(given, SEEN)


async def test_a_topic_without_the_right_to_see_it_is_not_called_missing(secure: SecureBroker) -> None:
    with pytest.raises(KafkaUnavailable) as caught:
        await verify_topics(settings(secure), [*topics.ALL[:1], UNSEEN])
    assert str(caught.value) == f"{USER} may not see {UNSEEN.name}: python -m eventrail acls"
