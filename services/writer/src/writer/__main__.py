"""`python -m writer` writes events; `python -m writer migrate` makes the table."""

import sys

from clickhouse_driver.errors import ServerException

from eventrail import logs
from eventrail.errors import ConfigurationError, UnavailableError
from eventrail.lifecycle import complain, parser, run
from eventrail.settings import ClickHouseSettings, SharedSettings, load
from writer import app
from writer.migrations import migrate
from writer.settings import ALL, WriterSettings


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 after an orderly end, 1 where ClickHouse does not answer or refuses, 2 for a wrong setting."""
    options = parser("writer", "Write enriched events into ClickHouse.", *ALL)
    commands = options.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("migrate", help="create the database and its tables, or bring them up to date")
    chosen = options.parse_args(arguments)
    try:
        if chosen.command == "migrate":
            return _migrate()
        logs.configure("writer", load(SharedSettings).log_level)
        load(WriterSettings)
    except ConfigurationError as error:
        return complain("writer", error)
    return run("writer", app.run)


def _migrate() -> int:
    try:
        applied = migrate(load(ClickHouseSettings).clickhouse_url)
    except (UnavailableError, ServerException) as error:
        print(f"writer migrate: {error}", file=sys.stderr)  # noqa: T201 - read at a terminal
        return 1
    print(f"applied: {', '.join(applied) or 'nothing, the tables are up to date'}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
