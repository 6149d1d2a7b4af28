"""A real broker with TLS, users and an authorizer, for tests.

Five listeners: one without TLS for the test itself, whose user may do all; SASL_SSL with SCRAM; SASL_SSL with PLAIN;
SSL that wants a client's certificate; SSL whose own certificate has expired.
"""

import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from devstack import programs
from devstack.ports import Address, free_addresses
from devstack.process import Program
from devstack.single import running
from eventrail.kafka.acls import ROLES
from tests.faults.security.certificates import Authority, Pair

HOST = "127.0.0.1"
PASSWORDS = {f"eventrail-{role}": f"secret-of-{role}-8c1f" for role in (*ROLES, "admin")}
"""Password of each user at the SCRAM listener; that at the PLAIN listener is the same."""


@dataclass(frozen=True)
class SecureBroker:
    """Where the listeners are, and the files that a client needs."""

    plain: str
    scram: str
    sasl_plain: str
    mutual: str
    expired: str
    authority: Path
    other_authority: Path
    client: Pair
    log: Path

    def environment(self, role: str) -> dict[str, str]:
        """The settings of the service `role` as its own user over SASL_SSL."""
        return {
            "EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS": self.scram,
            "EVENTRAIL_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "EVENTRAIL_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "EVENTRAIL_KAFKA_SASL_USERNAME": f"eventrail-{role}",
            "EVENTRAIL_KAFKA_SASL_PASSWORD": PASSWORDS[f"eventrail-{role}"],
            "EVENTRAIL_KAFKA_SSL_CA_FILE": str(self.authority),
        }


@asynccontextmanager
async def secure_broker(folder: Path) -> AsyncIterator[SecureBroker]:
    """Start one; it is ready when the block begins and stopped at its end."""
    ours, other = Authority(folder / "ours", "ours"), Authority(folder / "other", "other")
    server, old = ours.sign("server"), ours.sign("expired", expired=True)
    chosen = free_addresses(random.Random())
    ports = {
        "scram": chosen.enricher,
        "sasl": chosen.writer,
        "mutual": chosen.collector,
        "expired": chosen.query_api,
    }
    listeners = {name: Address(HOST, address.port) for name, address in ports.items()}
    plain = programs.kafka(chosen.kafka, chosen.kafka_controller, folder)
    more = properties(chosen.kafka, chosen.kafka_controller, listeners, server, old, ours.file)
    options = [f"--property={name}={value}" for name, value in more.items()]
    options += [f"--user={name}:{word}" for name, word in PASSWORDS.items()]
    program = Program("kafka", (*plain.command, *options), plain.address, plain.question)
    log = folder / "kafka.log"
    async with running(program, log):
        yield SecureBroker(
            str(chosen.kafka),
            str(listeners["scram"]),
            str(listeners["sasl"]),
            str(listeners["mutual"]),
            str(listeners["expired"]),
            ours.file,
            other.file,
            ours.sign("eventrail-collector"),
            log,
        )


def properties(
    plain: Address,
    controller: Address,
    listeners: dict[str, Address],
    server: Pair,
    old: Pair,
    authority: Path,
) -> dict[str, str]:
    """What the broker's settings say beyond those of the embedded stack."""
    names = {"PLAINTEXT": plain, **{name.upper(): address for name, address in listeners.items()}}
    shown = [f"{name}://{address}" for name, address in names.items()]
    users = " ".join(f'user_{name}="{word}"' for name, word in PASSWORDS.items())
    login = "org.apache.kafka.common.security"
    return {
        "listeners": ",".join([*shown, f"CONTROLLER://{controller}"]),
        "advertised.listeners": ",".join(shown),
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SCRAM:SASL_SSL,SASL:SASL_SSL,"
        "MUTUAL:SSL,EXPIRED:SSL",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(server.both),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority),
        "listener.name.mutual.ssl.client.auth": "required",
        "listener.name.expired.ssl.keystore.type": "PEM",
        "listener.name.expired.ssl.keystore.location": str(old.both),
        "listener.name.scram.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.scram.scram-sha-512.sasl.jaas.config": f"{login}.scram.ScramLoginModule required;",
        "listener.name.sasl.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.sasl.plain.sasl.jaas.config": f"{login}.plain.PlainLoginModule required {users};",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS;User:eventrail-admin",
    }


PYTHON = (sys.executable, "-P", "-m")
