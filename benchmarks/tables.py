"""Tables of measured rows, as text or Markdown: a line for each task and method, and the machine."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from tabulate import tabulate

__all__ = [
    "Row",
    "compared",
    "footnotes",
    "machine",
    "number",
    "peers_footnotes",
    "peers_table",
    "ratios",
    "spread",
    "table",
    "tabulated",
]

Row = Mapping[str, Any]  # of a document: `Result.json`


def table(rows: Sequence[Row], style: str = "simple") -> str:
    """Format seed-epochs per second, and the speed of the engine, the second competitor, relative to the others."""
    reference, subject, *others = names = list(rows[0]["rounds"])
    headers = ["task", "method", *(f"{name}/s" for name in names), f"{subject} : {reference}", "no core idle"]
    headers += [f"{subject} : {other}" for other in others] + ["start ms", "rounds"]
    return tabulated(headers, [list(_cells(row)) for row in rows], style)


def tabulated(headers: Sequence[str], rows: Sequence[Sequence[str]], style: str = "simple") -> str:
    """Format a table whose first two columns are text and the others numbers; the style "pipe" is Markdown."""
    if style == "pipe":  # without tabulate's padding, which makes lines longer than a page
        return "\n".join(f"| {' | '.join(cells)} |" for cells in [headers, ["---"] * len(headers), *rows])
    align = ["left", "left"] + ["right"] * (len(headers) - 2)
    return tabulate(rows, headers, tablefmt=style, disable_numparse=True, colalign=align)


def number(value: float) -> str:
    """Format a number with three significant digits, or all digits before the decimal point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:#.3g}"


def ratios(row: Row, name: str, other: str, key: str = "seconds") -> list[float]:
    """Return a competitor's speed in each round, relative to another's; `busy` for its seconds without idle cores."""
    pairs = zip(row["rounds"][other], row["rounds"][name], strict=True)
    return [slower["seconds"] / mine[key] for slower, mine in pairs if key in mine]


def spread(found: Sequence[float]) -> str:
    """Format the median, the lowest and the highest of some ratios."""
    return f"{median(found):.2f} ({min(found):.2f}-{max(found):.2f})"


def _cells(row: Row) -> Iterator[str]:
    yield from (row["task"], row["method"])
    reference, subject, *others = row["rounds"]
    yield from (number(rate) for rate in row["seed_epochs_per_second"].values())
    busy = ratios(row, subject, reference, "busy")
    yield spread(ratios(row, subject, reference))
    yield f"{median(busy):.2f}" if busy else ""
    yield from (compared(row, subject, other) for other in others)
    yield f"{1e3 * median(figure.get('start', 0.0) for figure in row['rounds'][subject]):.1f}"
    yield str(len(row["rounds"][subject]))


def compared(row: Row, subject: str, other: str) -> str:
    """Format a median ratio; for the floor a percentage, and in brackets that without idle cores."""
    reached, busy = median(ratios(row, subject, other)), ratios(row, subject, other, "busy")
    if other != "floor":
        return f"{reached:.2f}"
    return f"{100 * reached:.0f}%" + (f" ({100 * median(busy):.0f}%)" if busy else "")


def peers_table(rows: Sequence[Row], style: str = "simple") -> str:
    """Format each peer's seed-epochs per second and share of the floor, its speed relative to the first and to JAX."""
    peers = rows[0]["peers"]
    ways, rivals = ([n for n in peers if n.startswith("jax") is rival] for rival in (False, True))
    pairs = [(way, other) for other in rivals for way in ways] + [(way, ways[0]) for way in ways[1:]]
    headers = ["task", "method", *(f"{name}/s (floor)" for name in peers), *(f"{a} : {b}" for a, b in pairs)]
    lines = [
        [row["task"], row["method"], *(_rate(row, n) for n in peers), *(_against(row, a, b) for a, b in pairs)]
        for row in rows
    ]
    return tabulated(
        [*headers, "ready s"], [[*line, _ready(row)] for line, row in zip(lines, rows, strict=True)], style
    )


def _rate(row: Row, name: str) -> str:
    """Format a peer's seed-epochs per second and share of the floor; a dash where it was not measured."""
    if name not in row["rounds"]:
        return "-"
    share = f" ({100 * median(ratios(row, name, 'floor')):.0f}%)" if "floor" in row["rounds"] else ""
    return number(row["seed_epochs_per_second"][name]) + share


def _against(row: Row, name: str, other: str) -> str:
    return spread(ratios(row, name, other)) if {name, other} <= set(row["rounds"]) else "-"


def _ready(row: Row) -> str:
    """List the seconds until each peer was ready."""
    measured = [row["rounds"][name][0]["ready"] for name in row["peers"] if name in row["rounds"]]
    return " ".join(f"{seconds:.1f}" for seconds in measured)


def peers_footnotes(rows: Sequence[Row]) -> str:
    """Explain the columns, and say why a peer was not measured."""
    whys = {f"{name}: {why}" for row in rows for name, why in row["missing"].items()}
    return "\n".join(
        [
            f"/s: seed-epochs per second of {rows[0]['seeds']} seeds, evaluations included, medians of "
            f"{len(next(iter(rows[0]['rounds'].values())))} rounds, in one process on one thread (or on",
            "the CUDA device). floor: the share of the speed that a lower bound on time allows. ready s: seconds until",
            "the measured peers could start, tracing and compiling included; they are in no other column. jax maps the",
            "training of one seed over all seeds by `vmap`; jax map by `lax.map`, one seed after the other.",
            *(f"-: not measured. {why}" for why in sorted(whys)),
        ]
    )


def footnotes(row: Row) -> str:
    """Explain the columns."""
    return (
        f"/s: seed-epochs per second, evaluations included, medians. The engine trains {row['seeds']} seeds "
        "with one single-threaded\nworker per core (or on the CUDA device) until the last is done; 'no core idle' and "
        "brackets: where other cells follow,\nas in a suite. loop: one seed in ordinary PyTorch. authors: their MNIST "
        "script's procedure on every task:\none seed in float64, DataLoaders of four workers, evaluated every 10 "
        "epochs. floor: a lower bound on time, from the\nproducts and the bytes of the engine's code (see "
        "`benchmarks/floor.py`). 'rotated' trains XOR in its span; loop and\nauthors train all dimensions. 'start ms': "
        "data, initialisation and evaluation 0 of a seed, in no other column."
    )


def machine(facts: Mapping[str, Any]) -> str:
    """Describe the machine and its software."""
    peer = f"; JAX {facts['jax']}" if facts.get("jax") else ""
    return (
        f"{facts['machine']}; {facts['device']}; torch {facts['torch']}, {facts['threads']} threads in the loop{peer}"
    )
