"""`python -m eventrail rejected` over a real broker, enricher, writer and engine."""

import asyncio
import base64
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from eventrail.contract import topics
from eventrail.contract.v1.raw_pb2 import RawEvent, SealedAddress
from eventrail.rejected.trace import Outcome
from tests.eventrail.rejected.making import enriched, raw
from tests.eventrail.rejected.stack import Said, Stack

Command = Callable[..., Awaitable[Said]]
NOBODY = "127.0.0.1:1"


def nameless(website: str, **fields: Any) -> RawEvent:
    """A raw event that the enricher rejects, and that a name would mend."""
    return raw(
        **{"website_id": website, "event_id": str(uuid4()), "event_name": "", "client_address": None} | fields
    )


def patch_file(folder: Path, **changes: Any) -> str:
    path = folder / "patch.json"
    path.write_text(json.dumps(changes))
    return str(path)


def objects(said: Said) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.out.splitlines()]


@pytest.mark.stack
async def test_an_event_is_found_understood_mended_and_stored_once(
    stack: Stack, command: Command, website: str, tmp_path: Path
) -> None:
    env = stack.environment
    event = nameless(website)
    await stack.collected(event)
    [address] = await stack.rejected(website, 1)

    said = await command("list", "--website", website, **env)
    assert said.status == 0
    head, line = said.out.splitlines()
    assert head.startswith("ADDRESS")
    assert line.split()[0] == address
    assert [line.split()[2], line.split()[3]] == ["enricher", "invalid"]
    assert "a custom event without event_name" in line

    said = await command("show", address, **env)
    assert said.status == 0
    assert event.event_id in said.out
    said = await command("stats", "--website", website, "--json", **env)
    assert objects(said)[0]["by_reason"] == {"invalid": 1}

    # As it is, it would be rejected again.
    before = await stack.ends()
    said = await command("replay", address, **env)
    assert (said.status, "refused: 1" in said.out) == (3, True)
    assert f"refused {address} {website} {event.event_id} invalid: event_name must be" in said.out

    patch = patch_file(tmp_path, event_name="signup")
    said = await command("replay", "--website", website, "--patch", patch, "--dry-run", **env)
    assert said.status == 0
    assert f"would replay {address} (enricher invalid) {website} {event.event_id}" in said.out
    assert await stack.ends() == before
    assert stack.audit(website) == []

    said = await command("replay", "--website", website, "--reason", "invalid", "--patch", patch, **env)
    assert said.status == 0, said
    assert "replayed: 1" in said.out
    await stack.until_stored(website, 1)
    assert stack.stored(website) == [event.event_id]
    assert stack.audit(website) == [("intended", address), ("sent", address)]
    [kept] = stack.rows(
        "SELECT os_user, host, stage, reason, event_name, toString(event_id), topic, partition, offset >= 0,"
        " length(patch_digest), source_topic, source_partition FROM rejected_replays"
        " WHERE website_id = %(website)s AND outcome = 'sent'",
        website=website,
    )
    assert all(kept[:2])
    assert kept[2:] == (
        *("enricher", "invalid", "signup", event.event_id, topics.RAW.name, 3, 1, 64),
        *(topics.RAW.name, 3),
    )

    # It is refused from now on, whatever is asked for.
    for options in ([], ["--again"]):
        said = await command("replay", address, "--patch", patch, *options, **env)
        assert (said.status, "already_stored" in said.out) == (3, True)
    assert stack.stored(website) == [event.event_id]


@pytest.mark.stack
async def test_an_address_that_does_not_decrypt_is_taken_away(
    stack: Stack, command: Command, website: str, tmp_path: Path
) -> None:
    forged = SealedAddress(key_id="t1", process_id=bytes(16), counter=1, ciphertext=b"forged" * 4)
    event = nameless(website, event_name="signup", client_address=forged)
    await stack.collected(event)
    [address] = await stack.rejected(website, 1)
    said = await command("show", address, **stack.environment)
    assert "client_address does not decrypt" in said.out
    assert "(sealed with key t1)" in said.out
    assert base64.b64encode(forged.ciphertext).decode() not in said.out
    patch = patch_file(tmp_path, client_address=None)
    assert (await command("replay", address, "--patch", patch, **stack.environment)).status == 0
    await stack.until_stored(website, 1)
    assert stack.stored(website) == [event.event_id]


@pytest.mark.stack
async def test_what_the_writer_rejected_goes_back_to_the_enriched_topic(
    stack: Stack, command: Command, website: str, tmp_path: Path
) -> None:
    env = stack.environment
    event = enriched(
        website_id=website, event_id=str(uuid4()), visitor_id="v7", screen={"width": 70_000, "height": 9}
    )
    good = enriched(website_id=website, event_id=str(uuid4()))
    await stack.enriched(event, good)
    [address] = await stack.rejected(website, 1)
    said = await command("list", "--website", website, "--stage", "writer", "--json", **env)
    [told] = objects(said)
    assert (told["address"], told["reason"]) == (address, "invalid")

    patch = patch_file(tmp_path, screen={"width": 7})
    said = await command("replay", address, "--patch", patch, "--json", **env)
    assert said.status == 0, said
    [told] = objects(said)
    assert (told["outcome"], told["topic"]) == ("replayed", topics.ENRICHED.name)
    await stack.until_stored(website, 2)
    assert stack.stored(website) == sorted([event.event_id, good.event_id])
    assert stack.rows(
        "SELECT screen_width, visitor_id, enriched_partition, enriched_offset FROM events FINAL"
        " WHERE website_id = %(website)s AND toString(event_id) = %(id)s",
        website=website,
        id=event.event_id,
    ) == [(7, "v7", told["partition"], told["offset"])]


@pytest.mark.stack
async def test_two_who_replay_at_once_store_it_once(
    stack: Stack, command: Command, website: str, tmp_path: Path
) -> None:
    events = [nameless(website) for _ in range(5)]
    await stack.collected(*events)
    await stack.rejected(website, 5)
    patch = patch_file(tmp_path, event_name="signup")
    runs = [await start(stack, "replay", "--website", website, "--patch", patch) for _ in range(2)]
    statuses = [await asyncio.wait_for(run.wait(), 60) for run in runs]
    assert set(statuses) <= {0, 3}
    await stack.until_stored(website, 5)
    assert stack.stored(website) == sorted(event.event_id for event in events)


@pytest.mark.stack
async def test_the_rate_is_kept(stack: Stack, command: Command, website: str, tmp_path: Path) -> None:
    await stack.collected(*[nameless(website) for _ in range(5)])
    await stack.rejected(website, 5)
    patch = patch_file(tmp_path, event_name="signup")
    said = await command("replay", "--website", website, "--patch", patch, "--rate", "4", **stack.environment)
    assert "replayed: 5" in said.out
    [(milliseconds,)] = stack.rows(
        "SELECT dateDiff('millisecond', min(at), max(at)) FROM rejected_replays WHERE website_id = %(website)s",
        website=website,
    )
    assert milliseconds >= 990


DIES = """
import asyncio, os, signal, sys
from eventrail.__main__ import main
from eventrail.rejected import audit, outbox
from eventrail.rejected.trace import Outcome

where, words = sys.argv[1], sys.argv[2:]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

if where == "before":
    outbox.Outbox.send = lambda self, events: die()
else:
    note = audit.Audit.note
    def noted(self, run, outcome, at_ms, events):
        die() if outcome is Outcome.SENT else note(self, run, outcome, at_ms, events)
    audit.Audit.note = noted
sys.exit(main(["rejected", *words]))
"""


async def start(stack: Stack, *words: str, script: str = "") -> asyncio.subprocess.Process:
    program = ["-c", script] if script else ["-m", "eventrail", "rejected"]
    return await asyncio.create_subprocess_exec(
        *(sys.executable, *program, *words),
        env=os.environ | stack.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.mark.stack
async def test_killed_between_the_note_and_the_sending_it_is_replayed_again(
    stack: Stack, command: Command, website: str, tmp_path: Path
) -> None:
    event = nameless(website)
    await stack.collected(event)
    [address] = await stack.rejected(website, 1)
    words = ("replay", address, "--patch", patch_file(tmp_path, event_name="signup"))
    run = await start(stack, "before", *words, script=DIES)
    assert await asyncio.wait_for(run.wait(), 60) == -signal.SIGKILL
    assert stack.audit(website) == [(Outcome.INTENDED.name.lower(), address)]
    assert stack.stored(website) == []

    assert (await command(*words, **stack.environment)).status == 0
    await stack.until_stored(website, 1)
    assert stack.stored(website) == [event.event_id]
    assert [outcome for outcome, _ in stack.audit(website)] == ["intended", "intended", "sent"]


@pytest.mark.stack
async def test_killed_between_the_sending_and_its_note_it_is_stored_once(
    stack: Stack, command: Command, website: str, tmp_path: Path
) -> None:
    event = nameless(website)
    await stack.collected(event)
    [address] = await stack.rejected(website, 1)
    words = ("replay", address, "--patch", patch_file(tmp_path, event_name="signup"))
    for _ in range(2):  # the second one may come before the first copy is stored
        run = await start(stack, "after", *words, script=DIES)
        assert await asyncio.wait_for(run.wait(), 60) in (-signal.SIGKILL, 3)
    await stack.until_stored(website, 1)
    said = await command(*words, **stack.environment)
    assert (said.status, "already_stored" in said.out) == (3, True)
    assert stack.stored(website) == [event.event_id]


@pytest.mark.stack
async def test_what_was_replayed_and_is_still_on_its_way_is_refused_by_the_audit(
    stack: Stack, command: Command, website: str, clickhouse: str, tmp_path: Path
) -> None:
    """A database of its own, to which no writer writes."""
    url = f"{clickhouse}/rejected_{uuid4().hex[:12]}"
    migrating = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "writer", "migrate"),
        env=os.environ | {"EVENTRAIL_CLICKHOUSE_URL": url},
        stdout=asyncio.subprocess.DEVNULL,
    )
    assert await migrating.wait() == 0
    env = stack.environment | {"EVENTRAIL_CLICKHOUSE_URL": url}
    await stack.collected(nameless(website))
    [address] = await stack.rejected(website, 1)
    patch = patch_file(tmp_path, event_name="signup")
    assert (await command("replay", address, "--patch", patch, **env)).status == 0
    said = await command("replay", address, "--patch", patch, **env)
    assert (said.status, "already_replayed: it was sent by an earlier replay" in said.out) == (3, True)
    assert (await command("replay", address, "--patch", patch, "--again", **env)).status == 0
    await stack.until_stored(website, 1)
    assert len(stack.stored(website)) == 1


@pytest.mark.stack
async def test_bytes_that_nobody_can_read(stack: Stack, command: Command, website: str) -> None:
    env = stack.environment
    known = await stack.entries("")
    garbage = f"\x00\xffgarbage of {website}".encode("latin-1")
    await stack.collected(garbage)
    await stack.enriched(garbage)
    entries = [
        entry
        for address in await stack.rejected("", len(known) + 2)
        for entry in await stack.entries("")
        if str(entry.address) == address and entry.event and entry.event.original == garbage
    ]
    assert len(entries) == 2
    for entry in entries:
        address = str(entry.address)
        said = await command("show", address, **env)
        assert "the original cannot be decoded" in said.out
        assert f"base64: {base64.b64encode(garbage).decode()}" in said.out
        run = await start(stack, "show", address, "--raw")
        assert (await asyncio.wait_for(run.communicate(), 60))[0] == garbage
        said = await command("replay", address, **env)
        assert (said.status, "undecodable: " in said.out) == (3, True)


@pytest.mark.stack
async def test_a_record_that_is_no_rejected_event_harms_nobody(stack: Stack, command: Command) -> None:
    sent = await stack.sender.send_and_wait(topics.REJECTED.name, b"\xff\xff\xff", partition=2)
    address = f"2:{sent.offset}"
    said = await command("list", "--json", **stack.environment)
    [told] = [each for each in objects(said) if each["address"] == address]
    assert told["stage"] == "unreadable"
    assert "no RejectedEvent" in (await command("show", address, **stack.environment)).out
    said = await command("replay", address, **stack.environment)
    assert (said.status, "unreadable" in said.out) == (3, True)
    said = await command("replay", "--all", "--dry-run", "--json", **stack.environment)
    assert address in [each["address"] for each in objects(said)]


@pytest.mark.stack
async def test_lists_are_in_order_and_limited(stack: Stack, command: Command, website: str) -> None:
    for _ in range(4):
        await stack.collected(nameless(website))
    addresses = await stack.rejected(website, 4)
    for words, expected in (
        (["--limit", "3"], addresses[:0:-1]),
        (["--in-order", "--limit", "3"], addresses[:3]),
        (["--in-order", "--limit", "0"], addresses),
        (["--since", "1h"], addresses[::-1]),
        (["--since", "2099-01-01T00:00:00Z"], []),
        (["--until", "1h"], []),
        (["--reason", "undecodable"], []),
        (["--event-id", "nobody"], []),
    ):
        said = await command("list", "--website", website, "--json", *words, **stack.environment)
        assert (said.status, [each["address"] for each in objects(said)]) == (0, expected), words


@pytest.mark.stack
async def test_an_address_without_a_record_is_told(stack: Stack, command: Command) -> None:
    for address, why in (("99:0", "there is no partition 99"), ("0:99999999", "there is no such record yet")):
        said = await command("show", address, **stack.environment)
        assert (said.status, said.out) == (2, "")
        assert why in said.err
        said = await command("replay", address, **stack.environment)
        assert (said.status, f"refused {address} not_found: {why}" in said.out) == (3, True)


@pytest.mark.stack
async def test_whoever_reads_the_output_may_stop_early(
    stack: Stack, sender_of_many: Callable[[str, int], Awaitable[None]], website: str
) -> None:
    await sender_of_many(website, 3_000)
    run = await asyncio.create_subprocess_shell(
        f"{sys.executable} -m eventrail rejected list --in-order --limit 0 --json --website {website}"
        " | head -n 1; exit ${PIPESTATUS[0]}",
        executable="/bin/bash",
        env=os.environ | stack.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(run.communicate(), 60)
    assert (run.returncode, err) == (0, b"")
    assert json.loads(out)["website_id"] == website


@pytest.fixture
def sender_of_many(stack: Stack) -> Callable[[str, int], Awaitable[None]]:
    """Puts many rejections of a website on the topic at once."""
    from tests.eventrail.rejected.making import by_enricher

    async def send(website: str, count: int) -> None:
        sender: AIOKafkaProducer = stack.sender
        value = by_enricher(nameless(website)).SerializeToString()
        await asyncio.gather(
            *[await sender.send(topics.REJECTED.name, value, partition=6) for _ in range(count)]
        )

    return send


@pytest.mark.stack
async def test_a_backend_that_is_away_is_told(
    stack: Stack, command: Command, website: str, tmp_path: Path
) -> None:
    no_broker = stack.environment | {"EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS": NOBODY}
    for words in (["list"], ["show", "0:1"], ["stats"], ["replay", "--all"]):
        said = await command(*words, **no_broker)
        assert (said.status, said.out.replace("\n", "")) == (1, ""), words
        assert NOBODY in said.err

    await stack.collected(nameless(website))
    [address] = await stack.rejected(website, 1)
    before = await stack.ends()
    patch = patch_file(tmp_path, event_name="signup")
    no_engine = stack.environment | {"EVENTRAIL_CLICKHOUSE_URL": f"clickhouse://default@{NOBODY}/eventrail"}
    for options in ([], ["--dry-run"]):
        said = await command("replay", address, "--patch", patch, *options, **no_engine)
        assert (said.status, said.out) == (1, "")
        assert "no answer from ClickHouse" in said.err
    assert await stack.ends() == before


@pytest.mark.stack
async def test_a_database_without_tables_is_told(
    stack: Stack, command: Command, website: str, clickhouse: str, tmp_path: Path
) -> None:
    await stack.collected(nameless(website))
    [address] = await stack.rejected(website, 1)
    before = await stack.ends()
    env = stack.environment | {"EVENTRAIL_CLICKHOUSE_URL": f"{clickhouse}/default"}
    said = await command("replay", address, "--patch", patch_file(tmp_path, event_name="a"), **env)
    assert (said.status, said.out) == (2, "")
    assert "run: python -m writer migrate" in said.err
    assert await stack.ends() == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("show 7", "'7' is no address; expected PARTITION:OFFSET"),
        ("list --stage nobody", "--stage 'nobody' is no stage; there are: enricher, writer"),
        ("list --reason why", "--reason 'why' is no reason; there are: "),
        ("list --since monday", "--since 'monday' is neither an RFC 3339 time"),
        ("list --limit 0", "--limit 0: expected 1 to 10,000"),
        ("replay", "replay needs addresses, or filters, or --all"),
        ("replay --patch p.json --dry-run", "replay needs addresses, or filters, or --all"),
        ("replay 1:2 --stage writer", "takes either addresses, or filters, or --all"),
        ("replay --all --rate 0", "--rate 0: expected more than 0"),
        ("replay 1-2", "'1-2' is no address"),
        ("replay --all --patch /nowhere/p.json", "--patch /nowhere/p.json: cannot be read: No such file"),
        ("replay --all --patch /", "--patch /: cannot be read: Is a directory"),
    ],
)
async def test_wrong_usage_is_told_before_anything_is_done(command: Command, words: str, said: str) -> None:
    told = await command(*words.split(), EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS=NOBODY)
    assert (told.status, told.out) == (2, "")
    assert said in told.err
    assert told.err.startswith(f"eventrail rejected {words.split(maxsplit=1)[0]}: ")


async def test_a_patch_file_is_bounded(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    path.write_text(json.dumps({"url": "a" * 1024 * 1024}))
    told = await command("replay", "--all", "--patch", str(path), EVENTRAIL_KAFKA_BOOTSTRAP_SERVERS=NOBODY)
    assert (told.status, "larger than 1,048,576 bytes" in told.err) == (2, True)
