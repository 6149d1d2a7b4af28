from pathlib import Path

from devstack.ports import Addresses
from devstack.programs import NAMES, STOP_ORDER, embedded

PLAN = embedded(Addresses.from_base(21000), Path("/data"))


def test_the_programs_have_the_documented_names_in_start_order() -> None:
    assert tuple(program.name for program in PLAN.programs) == NAMES


def test_every_program_is_stopped_exactly_once() -> None:
    assert sorted(name for group in STOP_ORDER for name in group) == sorted(NAMES)


def test_each_program_is_told_its_own_address() -> None:
    commands = {program.name: program.command for program in PLAN.programs}
    assert commands["kafka"][3:] == (
        "devstack.kafka",
        *("--listen", "127.0.0.1:21004", "--controller", "127.0.0.1:21005", "--data", "/data/kafka"),
    )
    assert commands["clickhouse"][3:] == (
        "devstack.clickhouse",
        *("--listen", "127.0.0.1:21006", "--data", "/data/clickhouse"),
    )
    assert commands["enricher"][3:] == ("enricher", "worker")
    assert commands["query-api"][3:] == ("query_api",)


def test_topics_and_tables_come_between_backends_and_services() -> None:
    assert [job.command[3:] for job in PLAN.jobs] == [
        ("eventrail", "topics", "create"),
        ("writer", "migrate"),
    ]
