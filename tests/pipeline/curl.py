"""The curl lines of the docs, run as curl would: so that what a page shows is what the services do."""

import shlex
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.pipeline.river import River

FLAGS = frozenset({"-i", "-g", "-s", "-N", "-f"})
FIRST_WORDS_SECONDS = 30.0


@dataclass
class Curl:
    """One line, taken apart."""

    url: str = ""
    method: str = "GET"
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    streamed: bool = False


def lines(page: Path) -> list[str]:
    """The curl lines of a page, in their order."""
    return [line for line in page.read_text().splitlines() if line.startswith("curl ")]


def parse(line: str) -> Curl:
    """Raises ValueError for an option that is not known here."""
    words, made = iter(shlex.split(line)[1:]), Curl()
    for word in words:
        if word in FLAGS:
            made.streamed = made.streamed or word == "-N"
        elif word == "--json":
            made.body, made.method = next(words).encode(), "POST"
            made.headers["Content-Type"] = "application/json"
        elif word == "-H":
            name, _, value = next(words).partition(":")
            made.headers[name] = value.strip()
        elif word in ("-X", "-I"):
            made.method = next(words) if word == "-X" else "HEAD"
        elif word == "-o":
            next(words)
        elif word.startswith("-"):
            raise ValueError(f"unknown option {word} in {line}")
        else:
            made.url = word
    return made


def located(line: str, river: River, website: str, placeholder: str) -> str:
    """`line` with the addresses of `river`, and `website` in the place of the page's own."""
    addresses = river.addresses
    for port, address in (
        ("8400", addresses.collector),
        ("8401", addresses.query_api),
        ("8402", addresses.enricher),
        ("8403", addresses.writer),
        ("8404", addresses.auditor),
    ):
        line = line.replace(f"localhost:{port}", f"http://{address}")
    return line.replace(placeholder, website)


async def run(line: str) -> httpx.Response:
    """The answer; of a stream (`-N`) the first bytes of its body, and then it is hung up."""
    asked = parse(line)
    async with httpx.AsyncClient(timeout=FIRST_WORDS_SECONDS) as client:
        request = client.build_request(asked.method, asked.url, content=asked.body, headers=asked.headers)
        answer = await client.send(request, stream=asked.streamed)
        if asked.streamed:
            first = await anext(answer.aiter_bytes())
            await answer.aclose()
            return httpx.Response(answer.status_code, headers=answer.headers, content=first)
        return answer
