"""The table of `docs/scaling.md`: `python -m simulations.page`."""

import json
from collections.abc import Sequence
from pathlib import Path

from .draws import Row

__all__ = ["table"]


def table(rows: Sequence[Row]) -> str:
    """Format rows of the simulation `scaling` in Markdown: a line for each number of workers, a column per case."""
    cases = list(dict.fromkeys(str(row["case"]) for row in rows))
    found = {(row["workers"], row["case"]): _cell(row) for row in rows}
    workers = list(dict.fromkeys(row["workers"] for row in rows))
    lines = [[f"{count:,}", *(found[count, case] for case in cases)] for count in workers]
    headers = ["workers", *cases]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [headers, ["---"] * len(headers), *lines])


def _cell(row: Row) -> str:
    """Format hours, utilisation and lost training."""
    return f"{row['hours']:,.1f} h, {100 * float(row['utilisation']):.0f}%, {100 * float(row['lost']):.1f}%"


if __name__ == "__main__":
    file = Path(__file__).parent / "results" / "scaling.json"
    print(table(json.loads(file.read_text(encoding="utf-8"))["rows"]))
