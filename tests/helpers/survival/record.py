"""The plan of a session, the file of its results, and its table."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from grokbench.text.table import table

from .rows import PLACES, WHO

KILLS, MOMENTS, LENGTH = 25, 40, 5  # kills of a phase, kills at random moments, kills in a row


@dataclass(frozen=True)
class Row:
    """Kills in one folder."""

    name: str
    phase: str
    victims: tuple


def plan(kills=KILLS, moments=MOMENTS):
    """The rows of a session: so many kills in each phase, and so many at random moments."""
    for phase, count in (*((phase, kills) for phase in PLACES), ("random", moments)):
        victims = sorted((WHO[number % 3] for number in range(count)), key=WHO.index)
        for first in range(0, count, LENGTH):
            yield Row(f"{phase} {first + 1}", phase, tuple(victims[first : first + LENGTH]))


class Record:
    """The results of a session, in a file of JSON lines, a line for each kill and one for the end of its row."""

    def __init__(self, path: Path) -> None:
        self.path = path
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        self.lines = [json.loads(line) for line in text.splitlines() if line.endswith("}")]
        if text and not text.endswith("\n"):  # of a session that was killed
            path.write_text("".join(json.dumps(line) + "\n" for line in self.lines), encoding="utf-8")

    def add(self, **facts):
        """Append a line."""
        self.lines.append(facts)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(facts) + "\n")

    def ended(self):
        """The names of the rows that have come to their end, with or without a loss."""
        return {line["row"]: line for line in self.lines if "seconds" in line}

    def rows(self):
        """A row of the table for each phase and victim: kills, completed, lost."""
        ended, counts = self.ended(), Counter()
        for line in self.lines:
            if "who" in line and line["row"] in ended:
                lost = bool(ended[line["row"]]["lost"])
                counts[line["phase"], line["who"], lost] += 1
        for phase in (*PLACES, "random"):
            for who in WHO:
                completed, lost = counts[phase, who, False], counts[phase, who, True]
                yield [phase, who, completed + lost, completed, lost]

    def __str__(self):
        """The table, and every loss."""
        rows = [row for row in self.rows() if row[2]]
        total = ["all", "", *(sum(row[column] for row in rows) for column in (2, 3, 4))]
        shown = table([*rows, total], ["phase", "killed", "kills", "completed", "lost"])
        losses = [f"{line['row']}: {line['lost']}" for line in self.ended().values() if line["lost"]]
        return "\n".join([shown, *losses])
