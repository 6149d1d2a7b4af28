"""Asking a process whether it is ready. Every question is asked again until it is answered yes.

A question returns "" for yes, and otherwise says in a few words why not yet.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable

import httpx
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from clickhouse_driver import Client
from clickhouse_driver.errors import Error as ClickHouseError

Question = Callable[[], Awaitable[str]]

PATIENCE_S = 2.0
"""How long one question may take before it counts as a no."""


def http_ready(base_url: str) -> Question:
    """Ask `GET /readyz`: yes is status 200; a no is told by the checks in the body."""

    async def ask() -> str:
        try:
            async with httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False) as client:
                answer = await client.get(f"{base_url}/readyz")
        except httpx.HTTPError as error:
            return f"no answer from {base_url}/readyz ({type(error).__name__})"
        return "" if answer.status_code == httpx.codes.OK else _why_not(answer)

    return ask


def _why_not(answer: httpx.Response) -> str:
    try:
        checks = answer.json()["checks"]
        waiting = [f"{name}: {text}" for name, text in checks.items() if text != "ok"]
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError):
        waiting = []
    return "; ".join(waiting) or f"/readyz answers {answer.status_code}"


def kafka_ready(bootstrap_servers: str) -> Question:
    """Ask the broker who is in the cluster: yes is an answer that names at least one broker.

    After a kill there is none until the dead one's session is over (9 s).
    """

    async def ask() -> str:
        admin = AIOKafkaAdminClient(
            bootstrap_servers=bootstrap_servers, request_timeout_ms=int(PATIENCE_S * 1000)
        )
        try:
            await admin.start()
            cluster = await admin.describe_cluster()
        except (KafkaError, OSError, TimeoutError) as error:
            return f"no answer from the broker at {bootstrap_servers} ({type(error).__name__})"
        finally:
            await admin.close()
        return "" if cluster["brokers"] else "the broker is not registered yet"

    return ask


def clickhouse_ready(host: str, port: int) -> Question:
    """Ask `SELECT 1` over the native protocol."""

    def select() -> str:
        client = Client(
            host,
            port=port,
            connect_timeout=PATIENCE_S,
            send_receive_timeout=PATIENCE_S,
            sync_request_timeout=PATIENCE_S,
        )
        try:
            client.execute("SELECT 1")
        except (ClickHouseError, OSError, EOFError) as error:
            return f"no answer from the engine at {host}:{port} ({type(error).__name__})"
        finally:
            client.disconnect()
        return ""

    return lambda: asyncio.to_thread(select)


def quiet_client_logs() -> None:
    """Silence the clients' own complaints: not being up yet is the normal case here."""
    for name in ("aiokafka", "clickhouse_driver", "httpx"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
