"""`python -m collector.collect_page docs/collect.md`: write the tables that come from code into the page.

Each stands between the lines `<!-- NAME -->` and `<!-- end NAME -->`. A test fails where the page is out of date.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from collector.limits import BODY_MAX_BYTES
from collector.payload.event_data import MAX_BYTES, MAX_DEPTH
from collector.payload.members import MAX_MEMBERS
from collector.payload.rules import MAX_CHARACTERS, SCREEN_MAX, VISITOR_ID_MAX_BYTES
from collector.refusals import KINDS
from eventrail.contract.names import EVENT_NAME_MAX_CHARACTERS, WEBSITE_ID_RULE


def refusals() -> str:
    """Every refusal, by status, as a Markdown table."""
    kinds = sorted(KINDS.values(), key=lambda kind: kind.status)
    rows = (
        (str(kind.status), f"`{kind.code}`", "yes" if kind.retry else "no", kind.meaning) for kind in kinds
    )
    return _table(("status", "code", "retry", "meaning"), rows)


def limits() -> str:
    """Every limit of a request as a Markdown table."""
    return _table(
        ("what", "limit"),
        [
            ("body", f"{BODY_MAX_BYTES:,} bytes, when unpacked"),
            ("events in a body", f"1 to {MAX_MEMBERS}"),
            ("`website_id`", WEBSITE_ID_RULE),
            ("`event_name`", f"1 to {EVENT_NAME_MAX_CHARACTERS} characters after trimming"),
            ("`event_data`", f"{MAX_BYTES:,} bytes as UTF-8 of its compact form, {MAX_DEPTH} levels"),
            ("`visitor_id`", f"{VISITOR_ID_MAX_BYTES} bytes as UTF-8"),
            *((f"`{name}`", f"{most:,} characters") for name, most in MAX_CHARACTERS.items()),
            ("`screen`, `screen_width`, `screen_height`", f"1 to {SCREEN_MAX:,} pixels each"),
        ],
    )


TABLES: Final[dict[str, Callable[[], str]]] = {"limits": limits, "refusals": refusals}


def filled(page: str) -> str:
    """`page` with its tables as the code has them now. Raises ValueError where a mark is missing."""
    for name, table in TABLES.items():
        page = _put(page, name, table())
    return page


def _put(page: str, name: str, table: str) -> str:
    begin, end = f"<!-- {name} -->\n", f"\n<!-- end {name} -->"
    before, found, rest = page.partition(begin)
    _, found_too, after = rest.partition(end)
    if not (found and found_too):
        raise ValueError(f"the page has no lines <!-- {name} --> and <!-- end {name} -->")
    return f"{before}{begin}{table}{end}{after}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main(arguments: Sequence[str]) -> int:
    """Write the tables into the page that `arguments` name; exit status 2 where they name none."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m collector.collect_page PAGE\n")
        return 2
    path = Path(arguments[0])
    path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
