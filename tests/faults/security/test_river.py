"""From a request to a row with TLS and users everywhere; each service has exactly its own rights."""

import asyncio
import base64
import json
import os
import random
import subprocess
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from devstack import clickhouse_users
from devstack.ports import Address, free_addresses
from devstack.process import Program, Run, until_ready
from devstack.readiness import http_ready
from devstack.single import ready
from eventrail.clickhouse import connect
from tests.faults.security.broker import PASSWORDS, PYTHON, SecureBroker
from tests.faults.security.engine import SECRET, SecureEngine

pytestmark = pytest.mark.stack

KEY = base64.b64encode(b"security tests: thirty-two byte!").decode()
SECRETS = {
    "EVENTRAIL_ADDRESS_KEYS": f"test:{KEY}",
    "EVENTRAIL_SALT_SECRET": KEY,
    "EVENTRAIL_SALT_KEYS": f"test:{KEY}",
    "EVENTRAIL_AUDITOR_INTERVAL_SECONDS": "1",
    "EVENTRAIL_LOG_LEVEL": "DEBUG",  # the most that can be told
}


@asynccontextmanager
async def service(
    role: str, command: tuple[str, ...], listen: Address, variables: Mapping[str, str], log: Path
) -> AsyncIterator[Run]:
    """A service as a child process; ready when the block begins, and it must end with status 0."""
    program = Program(role, (*PYTHON, *command), listen, http_ready(listen.url))
    environment = {**os.environ, **SECRETS, f"EVENTRAIL_{role.upper()}_LISTEN": str(listen), **variables}
    run = await Run.start(program.command, log, environment)
    try:
        await ready(program, run, 60)
        yield run
    finally:
        status = await run.stop(30)
        assert status == 0, run.log_end()


async def test_an_event_becomes_an_answer_over_tls_with_own_users(
    secure: SecureBroker, engine: SecureEngine, tmp_path: Path
) -> None:
    def environment(role: str) -> dict[str, str]:
        user = {"enricher": "operator", "query_api": "reader"}.get(role, role)
        broker = secure.environment(role.replace("_", "-"))
        spool = {"EVENTRAIL_COLLECTOR_SPOOL": str(tmp_path / "spool")}
        return {**spool, **broker, "EVENTRAIL_CLICKHOUSE_URL": engine.url(user)}

    migrated = await asyncio.to_thread(
        subprocess.run,
        [*PYTHON, "writer", "migrate"],
        env={**os.environ, "EVENTRAIL_CLICKHOUSE_URL": engine.url("migrator")},
        capture_output=True,
        text=True,
    )
    assert migrated.returncode == 0, migrated.stderr
    ports = free_addresses(random.Random())
    commands = {
        "enricher": (("enricher", "worker"), ports.enricher),
        "writer": (("writer",), ports.writer),
        "auditor": (("auditor",), ports.auditor),
        "query_api": (("query_api",), ports.query_api),
        "collector": (("collector",), ports.collector),
    }
    website = f"site-{random.randrange(10**9)}"
    async with AsyncExitStack() as running:
        starts = [
            running.enter_async_context(
                service(role, command, listen, environment(role), tmp_path / f"{role}.log")
            )
            for role, (command, listen) in commands.items()
        ]
        await asyncio.gather(*starts)
        async with httpx.AsyncClient(base_url=ports.collector.url, timeout=20) as client:
            event = {"website_id": website, "event_type": "custom", "event_name": "sealed"}
            answer = await client.post("/api/collect", json=event)
        assert answer.status_code == 202, answer.text
        async with httpx.AsyncClient(base_url=ports.query_api.url, timeout=20) as client:

            async def counted() -> str:
                today = datetime.now(UTC).date().isoformat()
                asked = {"start_date": today, "end_date": today}
                told = (await client.get(f"/api/websites/{website}/events", params=asked)).text
                return "" if '"sealed"' in told else told

            await until_ready(counted, 30)

            async def complete() -> str:
                told = (await client.get("/api/pipeline/lag")).json()["data"]
                return "" if told["data_through"] and told["spools"] else json.dumps(told)

            await until_ready(complete, 30)

            async def audited() -> str:
                rows = await asyncio.to_thread(ledger, engine.default())
                return "" if rows else "no minute in the ledger yet"

            await until_ready(audited, 40)
    for role in commands:
        log = (tmp_path / f"{role}.log").read_text()
        assert log
        words = [clickhouse_users.password(each, SECRET) for each in clickhouse_users.ROLES]
        for secret in (*PASSWORDS.values(), KEY, *words, secure.client.key.read_text().splitlines()[1]):
            assert secret not in log, f"{role} logs a secret"


def ledger(url: str) -> list[tuple[int]]:
    client = connect(url)
    rows: list[tuple[int]] = client.execute("SELECT events FROM ledger_minutes FINAL")
    client.disconnect()
    return rows


@pytest.mark.parametrize(("role", "command"), [("enricher", ("enricher", "worker")), ("writer", ("writer",))])
async def test_a_service_with_a_wrong_password_waits_and_says_why(
    secure: SecureBroker, role: str, command: tuple[str, ...], tmp_path: Path, clickhouse: str
) -> None:
    listen = free_addresses(random.Random()).collector
    wrong = {**secure.environment(role), "EVENTRAIL_KAFKA_SASL_PASSWORD": "no-such-word-71aa"}
    environment = {**os.environ, **SECRETS, **wrong, f"EVENTRAIL_{role.upper()}_LISTEN": str(listen)}
    environment["EVENTRAIL_CLICKHOUSE_URL"] = await asyncio.to_thread(migrated, clickhouse)
    run = await Run.start((*PYTHON, *command), tmp_path / "log", environment)
    try:

        async def told() -> str:
            assert run.returncode is None, run.log_end()
            try:
                async with httpx.AsyncClient(base_url=listen.url) as client:
                    answer = await client.get("/readyz")
            except httpx.HTTPError as error:
                return repr(error)
            why = json.dumps(answer.json())
            return "" if "EVENTRAIL_KAFKA_SASL_PASSWORD" in why else why

        await until_ready(told, 30)
    finally:
        assert await run.stop(30) == 0
    assert "no-such-word-71aa" not in (tmp_path / "log").read_text()


def migrated(clickhouse: str) -> str:
    from writer.migrations import migrate

    url = f"{clickhouse}/security_{uuid.uuid4().hex[:10]}"
    migrate(url)
    return url


@pytest.mark.parametrize(
    ("module", "changes", "named"),
    [
        ("collector", {"EVENTRAIL_KAFKA_SSL_CA_FILE": "/no/such/file"}, "EVENTRAIL_KAFKA_SSL_CA_FILE"),
        ("writer", {"EVENTRAIL_KAFKA_SASL_USERNAME": ""}, "EVENTRAIL_KAFKA_SASL_USERNAME"),
        ("enricher", {"EVENTRAIL_KAFKA_SASL_PASSWORD": ""}, "EVENTRAIL_KAFKA_SASL_PASSWORD"),
        ("eventrail", {"EVENTRAIL_KAFKA_SECURITY_PROTOCOL": "TLS"}, "EVENTRAIL_KAFKA_SECURITY_PROTOCOL"),
    ],
)
async def test_settings_that_cannot_work_end_with_status_2(
    secure: SecureBroker, module: str, changes: dict[str, str], named: str
) -> None:
    role = module if module != "eventrail" else "topics"
    arguments = ["topics", "verify"] if module == "eventrail" else []
    done = await asyncio.to_thread(
        subprocess.run,
        [*PYTHON, module, *arguments],
        env={**os.environ, **SECRETS, **secure.environment(role), **changes},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 2, done.stderr
    assert named in done.stderr
    for word in PASSWORDS.values():
        assert word not in done.stderr
