"""What the engine does with the same rows without us: inserts them from a file, and counts them.

`python -m benchmarks.baselines.engine FOLDER ROWS` prints rows a second and milliseconds as one line of JSON. It is a
process of its own, because one process can open one folder only.
"""

import json
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any, Final

from chdb.session import Session

from benchmarks import shop
from eventrail.rows.stored import STORED_COLUMNS
from writer.migrations import migrations

_COLUMNS: Final = ", ".join(STORED_COLUMNS)
COUNTS: Final = 9


def main(folder: Path, rows: int) -> dict[str, float]:
    """`inserted`: rows/s from a file in the Native format; `count_ms`: a plain count() of one website's rows."""
    session: Any = Session(str(folder / "engine"))  # type: ignore[no-untyped-call]
    session.query("CREATE DATABASE bench")
    session.query("USE bench")
    for migration in migrations():
        for statement in migration.statements:
            session.query(statement)
    file = folder / "rows.native"
    made = shop.stored(shop.source(0, rows, rows))
    session.query(f"SELECT {_COLUMNS} FROM ({made}) INTO OUTFILE '{file}' FORMAT Native")  # noqa: S608 - our own words
    began = time.monotonic()
    session.query(f"INSERT INTO events ({_COLUMNS}) SELECT {_COLUMNS} FROM file('{file}', Native)")  # noqa: S608
    taken = time.monotonic() - began
    counted = []
    for _ in range(COUNTS):
        began = time.perf_counter()
        session.query(f"SELECT count() FROM events WHERE website_id = '{shop.BIG}'")  # noqa: S608
        counted.append((time.perf_counter() - began) * 1000)
    return {"inserted": rows / taken, "count_ms": median(counted)}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]))))
