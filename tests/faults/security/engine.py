"""The embedded engine with TLS and the users of deploy/clickhouse/users.xml, for tests."""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from devstack import clickhouse_users, programs
from devstack.ports import Address, free_addresses
from devstack.process import Program, Run
from devstack.readiness import Question
from devstack.single import ready
from tests.faults.security.certificates import Authority

SECRET = "security tests"


@dataclass(frozen=True)
class SecureEngine:
    """Where it is, whom to trust, and how each role gets in."""

    address: Address
    authority: Path
    other_authority: Path
    log: Path

    def url(
        self, role: str, *, word: str | None = None, ca: Path | None = None, database: str = "eventrail"
    ) -> str:
        """URL of the role's user; `word` and `ca` stand for a password and an authority that are wrong."""
        password = word or clickhouse_users.password(role, SECRET)
        return f"clickhouses://eventrail_{role}:{password}@{self.address}/{database}?ca_certs={ca or self.authority}"

    def default(self, database: str = "eventrail") -> str:
        """URL of the user without password, who may do all from this machine."""
        return f"clickhouses://default@{self.address}/{database}?ca_certs={self.authority}"


@asynccontextmanager
async def secure_engine(folder: Path) -> AsyncIterator[SecureEngine]:
    """Start one; it is ready when the block begins and stopped at its end."""
    ours, other = Authority(folder / "ours", "ours"), Authority(folder / "other", "other")
    server = ours.sign("engine")
    address = free_addresses(random.Random()).clickhouse
    plain = programs.clickhouse(address, folder)
    options = (
        "--users",
        str(clickhouse_users.FILE),
        "--tls-cert",
        str(server.cert),
        "--tls-key",
        str(server.key),
    )
    program = Program("clickhouse", (*plain.command, *options), address, says_ready(folder / "engine.log"))
    run = await Run.start(
        program.command, folder / "engine.log", {**os.environ, **clickhouse_users.digests(SECRET)}
    )
    try:
        await ready(program, run, 60)
        yield SecureEngine(address, ours.file, other.file, folder / "engine.log")
    finally:
        assert await run.stop(20) == 0, run.log_end()


def says_ready(log: Path) -> Question:
    """The usual question is asked without TLS, so the log has to tell."""

    async def question() -> str:
        told = await asyncio.to_thread(log.read_text)
        return "" if "ready at" in told else "it has not said so yet"

    return question
