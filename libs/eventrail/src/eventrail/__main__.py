"""`python -m eventrail`: jobs that belong to no single service."""

import asyncio
import sys

from eventrail.conformance import command as contract
from eventrail.contract import topics
from eventrail.errors import ConfigurationError, UnavailableError
from eventrail.kafka import acl_command
from eventrail.kafka.admin import create_topics, verify_topics
from eventrail.lifecycle import complain, parser
from eventrail.rejected import command as rejected
from eventrail.rejected import options as rejected_options
from eventrail.settings import ClickHouseSettings, KafkaSettings, load
from eventrail.spools import command as spools
from eventrail.websites import command as websites


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 when done, 1 where Kafka does not answer, 2 where a setting or topic is wrong."""
    options = parser(
        "eventrail",
        "Topics, the public contract, rejected events, spools, websites and server keys of an installation.",
        KafkaSettings,
        ClickHouseSettings,
    )
    commands = options.add_subparsers(dest="what", required=True)
    topic_commands = commands.add_parser("topics", help="create or verify the topics")
    topic_commands.add_argument("action", choices=["create", "verify"])
    acl_command.add(commands)
    contract.add(commands)
    rejected_options.add(commands)
    spools.add(commands)
    websites.add(commands)
    chosen = options.parse_args(arguments)
    try:
        if chosen.what == "contract":
            return contract.run(chosen)
        if chosen.what == "websites":
            return websites.run(chosen)
        if chosen.what == "rejected":
            return rejected.run(chosen)
        if chosen.what == "spools":
            return spools.run(chosen)
        if chosen.what == "acls":
            return acl_command.run(chosen)
        asyncio.run(_topics(chosen.action, load(KafkaSettings)))
    except ConfigurationError as error:
        return complain(f"eventrail {chosen.what}", error)
    except UnavailableError as error:
        print(f"eventrail {chosen.what}: {error}", file=sys.stderr)  # noqa: T201 - read at a terminal
        return 1
    return 0


async def _topics(action: str, settings: KafkaSettings) -> None:
    if action == "verify":
        await verify_topics(settings, topics.ALL)
        print(f"{len(topics.ALL)} topics are as they must be")  # noqa: T201
        return
    created = await create_topics(settings, topics.ALL)
    print(f"created: {', '.join(created) or 'nothing, all topics were there'}")  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
