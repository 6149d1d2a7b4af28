"""The options of a Kafka client, and the settings that they come from."""

import os
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import truststore

from devstack.checkout import CHECKOUT
from eventrail.errors import ConfigurationError
from eventrail.kafka.security import addresses, client_options
from eventrail.settings import KafkaSettings, load
from tests.faults.security.certificates import Authority

USER = {
    "EVENTRAIL_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "EVENTRAIL_KAFKA_SASL_USERNAME": "eventrail-writer",
    "EVENTRAIL_KAFKA_SASL_PASSWORD": "open sesame",
}


def loaded(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> KafkaSettings:
    for name in [name for name in os.environ if name.startswith("EVENTRAIL_KAFKA_")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return load(KafkaSettings)


def test_without_settings_clients_speak_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch, {"EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS": "a:1,b:2"})
    assert client_options(settings) == {"bootstrap_servers": "a:1,b:2", "security_protocol": "PLAINTEXT"}
    assert client_options("a:1") == {"bootstrap_servers": "a:1"}
    assert addresses(settings) == "a:1,b:2"
    assert addresses("a:1") == "a:1"


@pytest.fixture
def own_ssl() -> Iterator[None]:
    """The ssl module as services have it; the fetching of jars may have replaced it in this process."""
    replaced = ssl.SSLContext.__module__.startswith("truststore")
    if replaced:
        truststore.extract_from_ssl()
    yield
    if replaced:
        truststore.inject_into_ssl()


@pytest.mark.usefixtures("own_ssl")
def test_tls_checks_the_certificate_and_the_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ca = Authority(tmp_path, "ca").file
    variables = {"EVENTRAIL_KAFKA_SECURITY_PROTOCOL": "SSL", "EVENTRAIL_KAFKA_SSL_CA_FILE": str(ca)}
    context = client_options(loaded(monkeypatch, variables))["ssl_context"]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert [dict(pair[0] for pair in each["issuer"]) for each in context.get_ca_certs()] == [
        {"commonName": "ca"}
    ]


def test_a_user_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    options = client_options(loaded(monkeypatch, USER))
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert options["sasl_plain_username"] == "eventrail-writer"
    assert options["sasl_plain_password"] == "open sesame"


def test_a_password_that_was_renewed_is_read_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("one\r\nsecond line\n")
    variables = {**USER, "EVENTRAIL_KAFKA_SASL_PASSWORD": "", "EVENTRAIL_KAFKA_SASL_PASSWORD_FILE": str(file)}
    settings = loaded(monkeypatch, variables)
    assert client_options(settings)["sasl_plain_password"] == "one"
    file.write_text("two\n")
    assert client_options(settings)["sasl_plain_password"] == "two"
    file.unlink()
    with pytest.raises(ConfigurationError, match="EVENTRAIL_KAFKA_SASL_PASSWORD_FILE"):
        client_options(settings)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"EVENTRAIL_KAFKA_SECURITY_PROTOCOL": "TLS"}, "EVENTRAIL_KAFKA_SECURITY_PROTOCOL: "),
        ({"EVENTRAIL_KAFKA_SASL_MECHANISM": "GSSAPI"}, "EVENTRAIL_KAFKA_SASL_MECHANISM: "),
        ({"EVENTRAIL_KAFKA_SASL_USERNAME": ""}, "without EVENTRAIL_KAFKA_SASL_USERNAME"),
        ({"EVENTRAIL_KAFKA_SASL_PASSWORD": ""}, "needs EVENTRAIL_KAFKA_SASL_PASSWORD or"),
        (
            {"EVENTRAIL_KAFKA_SECURITY_PROTOCOL": "SSL"},
            "has no use with EVENTRAIL_KAFKA_SECURITY_PROTOCOL=SSL",
        ),
        ({"EVENTRAIL_KAFKA_SASL_PASSWORD_FILE": __file__}, "set one of them"),
        ({"EVENTRAIL_KAFKA_SSL_CA_FILE": "/no/such/file"}, "EVENTRAIL_KAFKA_SSL_CA_FILE: "),
        ({"EVENTRAIL_KAFKA_SSL_CA_FILE": __file__}, "EVENTRAIL_KAFKA_SSL_CA_FILE: .* holds no certificates"),
        ({"EVENTRAIL_KAFKA_SSL_CERT_FILE": __file__}, "EVENTRAIL_KAFKA_SSL_CERT_FILE and .*KEY_FILE: "),
        ({"EVENTRAIL_KAFKA_SSL_KEY_FILE": __file__}, "KEY_FILE without EVENTRAIL_KAFKA_SSL_CERT_FILE"),
        (
            {"EVENTRAIL_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "EVENTRAIL_KAFKA_SSL_CA_FILE": __file__},
            r"EVENTRAIL_KAFKA_SSL_\* has no use",
        ),
    ],
)
def test_settings_that_cannot_work_are_named(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told) as caught:
        loaded(monkeypatch, {**USER, **changes})
    assert "open sesame" not in str(caught.value)


def test_an_encrypted_key_is_refused_and_not_asked_for(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    pair = Authority(tmp_path, "ca").sign("client")
    key = serialization.load_pem_private_key(pair.key.read_bytes(), None)
    locked = serialization.BestAvailableEncryption(b"word")
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    pair.key.write_bytes(key.private_bytes(*form))
    files: dict[str, Any] = {"kafka_ssl_cert_file": pair.cert, "kafka_ssl_key_file": pair.key}
    with pytest.raises(ValueError, match="unencrypted key"):
        KafkaSettings(kafka_security_protocol="SSL", **files)


def test_the_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "open sesame" not in repr(loaded(monkeypatch, USER))


def test_every_client_of_the_services_is_made_with_these_options() -> None:
    """A client that names its brokers itself would speak in the clear in an installation with TLS."""
    sources = [*CHECKOUT.glob("libs/*/src/**/*.py"), *CHECKOUT.glob("services/*/src/**/*.py")]
    made = re.compile(r"AIOKafka(?:Consumer|Producer|AdminClient|Client)\(([^)]*)")
    clients = [(path, call) for path in sources for call in made.findall(path.read_text(encoding="utf-8"))]
    assert len(clients) >= 6
    for path, call in clients:
        assert "client_options(" in call, f"{path}: {call}"
        assert "bootstrap_servers" not in call, f"{path}: {call}"
    wiring = (CHECKOUT / "services/enricher/src/enricher/app.py").read_text(encoding="utf-8")
    assert "broker_credentials=_credentials(client_options(brokers))" in wiring
