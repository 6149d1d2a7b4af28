"""The report: figures as JSON, which a later run is compared with, and as a page to read."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from benchmarks.figures import Figure, written


@dataclass(frozen=True)
class Report:
    """What one run of `./dev bench` found. `capacity` is in processor seconds for a million events, by stage."""

    machine: Mapping[str, str]
    command: str
    seed: int
    figures: Sequence[Figure]
    capacity: Mapping[str, float]
    profiles: Mapping[str, str]

    def write(self, folder: Path, name: str) -> None:
        """`name`.json and `name`.md in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.json").write_text(json.dumps(self._as_json(), indent=1) + "\n", encoding="utf-8")
        (folder / f"{name}.md").write_text(self.page(), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises OSError, or ValueError where it is no report."""
        given = json.loads(path.read_text(encoding="utf-8"))
        try:
            figures = [Figure.from_json(one) for one in given["figures"]]
            names = ("machine", "command", "seed", "capacity", "profiles")
            return cls(figures=figures, **{name: given[name] for name in names})
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path} is no report of ./dev bench: {error!r}") from error

    def _as_json(self) -> dict[str, object]:
        return {**self.__dict__, "figures": [figure.as_json() for figure in self.figures]}

    def page(self) -> str:
        """Markdown."""
        parts = [
            "# What Eventrail takes",
            f"Written by `{self.command}`, seed {self.seed}. Medians; spread is the lowest and the highest run.",
            _table(("", ""), self.machine.items()),
            "## Figures",
            _table(
                ("figure", "unit", "median", "spread", "runs", "target", ""),
                [_row(one) for one in self.figures],
            ),
        ]
        if self.capacity:
            parts += ["## Capacity card", _CARD, _table(_CARD_HEAD, map(_card_row, self.capacity.items()))]
        for name, text in self.profiles.items():
            parts += [f"## Profile: {name}", f"```\n{text}\n```"]
        return "\n\n".join(parts) + "\n"


_CARD = (
    "Processor seconds (user and system) that a million events cost each stage, what one core takes by that, and how "
    "many cores 10,000 and 100,000 events/s need. Broker, engine and load generator are not in it."
)
_CARD_HEAD = ("stage", "CPU s / million", "events/s and core", "cores for 10,000/s", "cores for 100,000/s")


def _card_row(item: tuple[str, float]) -> tuple[str, ...]:
    stage, seconds = item
    per_core = 1_000_000 / seconds if seconds else float("inf")
    return stage, written(seconds), written(per_core), written(10_000 / per_core), written(100_000 / per_core)


def _row(figure: Figure) -> tuple[str, ...]:
    spread = (
        f"{written(min(figure.values))} to {written(max(figure.values))}" if len(figure.values) > 1 else ""
    )
    verdict = {None: "", True: "kept", False: "**missed**"}[figure.kept]
    name = f"{figure.case}: {figure.name}" + (f" ({figure.note})" if figure.note else "")
    target = str(figure.bound) if figure.bound else ""
    return name, figure.unit, written(figure.median), spread, str(len(figure.values)), target, verdict


def _table(head: Sequence[str], rows: object) -> str:
    lines = [head, ["---"] * len(head), *rows]  # type: ignore[misc]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
