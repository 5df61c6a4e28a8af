"""The marks of a recipe in words."""

from collections.abc import Iterator, Mapping

from grokbench.judging.note import Kind, Note, info
from grokbench.records import Cell, Mark, MarkKind

__all__ = ["mark_text", "recipe_notes"]

TEXTS: Mapping[MarkKind, str] = {
    MarkKind.SETTING: "{name} {before} -> {after}",
    MarkKind.OPTIMIZER: "{name} {before} -> {after}",
    MarkKind.SCHEDULE: "{name} schedule",
    MarkKind.WARMUP: "warm-up of {after} epochs",
    MarkKind.RATE: "own schedule of the learning rate",
    MarkKind.UPDATE: "own optimizer for {name}",
    MarkKind.LOSS: "own loss",
    MarkKind.ARCHITECTURE: "own architecture",
    MarkKind.AVERAGES: "averaged weights are evaluated",
    MarkKind.RESERVE: "{percent} of the training set kept for the method",
    MarkKind.UNMAPPED: "one replica at a time",
}


def mark_text(mark: Mark) -> str:
    """Write a mark: `weight_decay 0.1 -> 1`, `own loss`."""
    percent = f"{100 * mark.after:g}%" if isinstance(mark.after, int | float) else ""
    values = {"before": _written(mark.before), "after": _written(mark.after), "percent": percent}
    return TEXTS[mark.kind].format(name=mark.name or "its parameters", **values)


def _written(value: float | str | None) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def recipe_notes(cell: Cell) -> Iterator[Note]:
    """Yield a note if the recipe of a cell differs from its task's."""
    if cell.marks:
        yield info(Kind.RECIPE, f"another recipe: {', '.join(map(mark_text, cell.marks))}", *cell.marks)
