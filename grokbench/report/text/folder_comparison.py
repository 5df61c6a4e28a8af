"""A comparison of two results folders as text: for people (table, markdown) and for programs (json)."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict

from tabulate import tabulate

from grokbench.judging.folder_contrasts import FolderContrast, FolderContrasts
from grokbench.judging.note import Kind
from grokbench.judging.row import Row
from grokbench.report.text.prose import wrap
from grokbench.report.text.table import Column, Columns, Key, mean_text, median_text, speedup_text
from grokbench.text.escape import markdown, printable
from grokbench.text.lists import plural
from grokbench.text.numbers import figure, interval, number

__all__ = ["FORMATS", "render"]

WIDTH = 120  # columns of text for people
HEADS = (
    Column("method", "left", Key.METHOD),
    Column("cell", "left"),
    Column("equal", "right"),
    Column("differ by", "right"),
    Column("median", "right", Key.MEDIAN),
    Column("mean", "right", Key.MEAN),
    Column("speed-up A", "right"),
    Column("speed-up B", "right"),
    Column("conclusion", "left"),
)
LEGEND = (
    "equal: seeds with the same outcome at the same epoch in both, of those that finished in both. differ by: the "
    "largest difference in epochs, and as a share of A's. median, mean: epochs to grok in A | B; a mean counts the "
    "budget for seeds that did not grok. speed-up: against the baseline of the same folder, with its interval. "
    "conclusion: that of the same comparison, or A | B if the two differ."
)
TEST_NAMES = {"sign_flip": "sign flip", "misses_last": "sign test"}


def render(contrasts: FolderContrasts, style: str) -> str:
    """Write a comparison as text.

    Args:
        contrasts: the comparison of two folders.
        style: a key of FORMATS.
    """
    return FORMATS[style](contrasts)


def _table(contrasts: FolderContrasts) -> str:
    blocks = [
        "\n".join(line for text in _heading(contrasts) for line in wrap(text, WIDTH, hang=2)),
        *(
            f"{printable(task)}\n\n{_fitted(cells)}"
            + "".join(f"\n{line}" for note in _notes(cells) for line in wrap(note, WIDTH, hang=4))
            for task, cells in _by_task(contrasts).items()
        ),
        "\n".join(wrap(" ".join(_summary(contrasts)), WIDTH)),
        "\n".join(wrap(LEGEND, WIDTH)),
    ]
    return "\n\n".join(blocks) + "\n"


def _fitted(cells: list[FolderContrast]) -> str:
    """Write a table that fits the width: first labels are shortened, then columns are left out."""
    return "\n".join(_columns(cells).fit(WIDTH).lines())


def _markdown(contrasts: FolderContrasts) -> str:
    blocks = ["\n".join(f"- {markdown(text)}" for text in _heading(contrasts))]
    for task, cells in _by_task(contrasts).items():
        shown = _columns(cells)
        lines = [[markdown(cell) for cell in line] for line in shown.cells]
        table = tabulate(lines, shown.headers, tablefmt="pipe", disable_numparse=True, colalign=shown.align)
        blocks += [f"### {markdown(task)}", table, "\n".join(f"- {markdown(note)}" for note in _notes(cells))]
    return "\n\n".join(filter(None, [*blocks, markdown(" ".join(_summary(contrasts))), markdown(LEGEND)])) + "\n"


def _json(contrasts: FolderContrasts) -> str:
    data = asdict(contrasts) | {"unlike": contrasts.unlike}
    for plain, cell in zip(data["cells"], contrasts.cells, strict=True):
        plain |= {"a": cell.a.as_dict(), "b": cell.b.as_dict(), "agree": cell.agree}
        plain["untested"] = cell.untested.text if cell.untested else None
    return json.dumps(data, indent=2, allow_nan=False) + "\n"


FORMATS: dict[str, Callable[[FolderContrasts], str]] = {"table": _table, "markdown": _markdown, "json": _json}


def _heading(contrasts: FolderContrasts) -> Iterator[str]:
    """Yield sentences on what is compared, and on what differs between the folders."""
    for name, folder, suite in zip("AB", contrasts.folders, contrasts.suites, strict=True):
        yield f"{name}: {folder}, suite {suite}"
    for difference in contrasts.differences:
        yield f"differs: {difference}"
    if not contrasts.differences:
        yield "made alike: same device, machine, precision, versions, group sizes, seeds and statistics"
    if contrasts.unlike:
        yield f"no test is made between A and B, since they differ in {', '.join(contrasts.unlike)}"
    for name, needed, seeds in zip("AB", contrasts.needed, contrasts.planned, strict=True):
        if seeds < needed:
            yield f"{name} concludes nothing: {plural(seeds, 'seed')}, and no p is significant with fewer than {needed}"
    for name, cells in zip("AB", contrasts.alone, strict=True):
        if cells:
            yield f"only in {name}: {', '.join(cells)}"


def _by_task(contrasts: FolderContrasts) -> dict[str, list[FolderContrast]]:
    tasks: dict[str, list[FolderContrast]] = {}
    for cell in contrasts.cells:
        tasks.setdefault(cell.task, []).append(cell)
    return tasks


def _columns(cells: list[FolderContrast]) -> Columns:
    rows = (
        (
            cell.regularizer,
            "differs" if cell.differences else "same",
            f"{cell.seeds - len(cell.differing)}/{cell.seeds}",
            _largest(cell),
            f"{_median(cell.a)}|{_median(cell.b)}",
            f"{mean_text(cell.a)}|{mean_text(cell.b)}",
            speedup_text(cell.a),
            speedup_text(cell.b),
            _conclusions(cell),
        )
        for cell in cells
    )
    return Columns(HEADS, tuple(rows))


def _notes(cells: list[FolderContrast]) -> Iterator[str]:
    """Yield the sentences on the cells of a task; one that holds for several methods is written once, after them."""
    methods: dict[str, list[str]] = {}
    for cell in cells:
        for sentence in _said(cell):
            methods.setdefault(sentence, []).append(cell.regularizer)
    yield from (f"{', '.join(labels)}: {sentence}" for sentence, labels in methods.items())


def _said(cell: FolderContrast) -> Iterator[str]:
    """Yield sentences on the differences between a cell of both folders, and on seeds with different outcomes."""
    yield from map(str, cell.differences)
    for pair in cell.differing:
        if pair.outcomes[0] != pair.outcomes[1]:
            yield f"seed {pair.seed} {pair.outcomes[0]} in A and {pair.outcomes[1]} in B"
    if cell.ratio is not None and cell.differing:
        ratio = interval(cell.ratio, cell.ratio_low, cell.ratio_high, cell.bound)
        yield f"A takes {ratio} the epochs of B (paired by seed, {TEST_NAMES[cell.test or '']} p = {cell.p:.2g})"
    if cell.untested and cell.untested.kind is not Kind.FOLDERS_DIFFER:  # the heading says this already
        yield str(cell.untested)


def _summary(contrasts: FolderContrasts) -> Iterator[str]:
    """Yield sentences that count the equal replicas and the conclusions that agree."""
    seeds = sum(cell.seeds for cell in contrasts.cells)
    differing = sum(len(cell.differing) for cell in contrasts.cells)
    judged = [cell for cell in contrasts.cells if cell.agree is not None]
    yield f"{seeds - differing} of {seeds} replicas are equal in both."
    yield f"{sum(cell.agree is True for cell in judged)} of {len(judged)} conclusions agree."
    if apart := [f"{cell.task} / {cell.regularizer}" for cell in judged if not cell.agree]:
        yield f"They do not for {', '.join(apart)}."


def _largest(cell: FolderContrast) -> str:
    if cell.largest is None:
        return "-"
    a, b = cell.largest.epochs
    return f"{number(abs(b - a))} ({abs(b - a) / a:.0%})" if a else number(abs(b - a))


def _median(row: Row) -> str:
    if row.epochs_median_low is not None:
        return median_text(row, None)
    return "none" if row.epochs_median is None and row.epochs_mean is not None else figure(row.epochs_median)


def _conclusions(cell: FolderContrast) -> str:
    """Write both conclusions, or one if they agree."""
    return " | ".join(each or "-" for each in dict.fromkeys(cell.conclusions))
