"""`grokbench power`: plan the number of seeds of a suite."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from grokbench.commands.completion import folders, suites
from grokbench.commands.options import METHODS, PLUGINS
from grokbench.commands.output import echo
from grokbench.errors import StoreError
from grokbench.records import Cell
from grokbench.text.escape import printable

if TYPE_CHECKING:
    from grokbench.judging.comparison import Comparisons
    from grokbench.runner.request import Plan

__all__ = ["power"]

FORMATS = ("table", "markdown", "json")  # the formats of `report.text.power`


class Finite(click.FloatRange):
    """A command-line type: a finite number in a range. The types of click accept nan and infinity."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert a value to a number; raise click.BadParameter if it is not finite or not in the range."""
        number = super().convert(value, param, ctx)
        return number if math.isfinite(number) else self.fail(f"{value} is not a finite number.", param, ctx)


@click.command()
@click.argument("suite", shell_complete=suites)
@PLUGINS
@METHODS
@click.option(
    "--out",
    metavar="DIR",
    help="The results folder to estimate the spread from.  [default: runs/<suite>]",
    shell_complete=folders,
)
@click.option(
    "--speedup", default=1.1, show_default=True, type=Finite(min=1, min_open=True), help="Speed-up to detect."
)
@click.option(
    "--power",
    "wanted",
    default=0.8,
    show_default=True,
    type=Finite(0, 1, min_open=True, max_open=True),
    help="Probability of detecting this speed-up.",
)
@click.option("--format", "style", default="table", show_default=True, type=click.Choice(FORMATS))
def power(suite: str, out: str | None, speedup: float, wanted: float, style: str, **chosen: Any) -> None:
    """Estimate how many paired seeds each cell of a suite needs, from the spread in a results folder.

    A few seeds below 1000 are enough for planning: `grokbench run SUITE --seeds 0-7 --out DIR` makes such a folder.
    """
    from grokbench.judging.power import needs
    from grokbench.judging.sample_size import Aim
    from grokbench.report.text.power import render
    from grokbench.runner.request import Request, resolve

    plan = resolve(Request(suite, out, device="cpu", **chosen))
    found, statistics = _compared(plan), plan.suite.statistics
    tests = statistics.tests(plan.suite.comparisons)
    aim = Aim(speedup, wanted, len(plan.suite.seeds), tests, statistics.alpha, statistics.primary)
    for sentence in _unlike(plan, found):
        echo(f"Warning: {printable(sentence)}.", err=True)
    echo(render(list(needs(found, aim)), aim, style))


def _compared(plan: "Plan") -> "Comparisons":
    """Compare the runs in the plan's folder; raise StoreError if the folder holds another suite."""
    from grokbench.judging.comparison import compare
    from grokbench.store import Store

    store = Store.load(plan.directory)
    if store.manifest.suite != plan.suite.name:
        raise StoreError(f"{store.directory} holds the suite {store.manifest.suite!r}, expected {plan.suite.name!r}.")
    return compare(store.manifest, store.runs())


def _unlike(plan: "Plan", found: "Comparisons") -> Iterator[str]:
    """Yield a sentence for each planned cell that the folder lacks or holds with another recipe."""
    there = {each.measured.cell.key: each.measured.cell for each in found.cells}
    for cell in plan.manifest.cells:
        held = there.get(cell.key)
        if held is None:
            yield f"{cell.name} is not in {plan.directory}, so its spread is unknown"
        elif _recipe(held) != _recipe(cell):
            yield f"{cell.name} was run in {plan.directory} with other settings than those planned now"


def _recipe(cell: Cell) -> dict[str, Any]:
    """Return what decides when replicas grok: budget and recipe, without the precision and the engine's revision."""
    computed = ("precision", "engine")
    return {"budget": cell.budget, **{k: v for k, v in cell.recipe.data().items() if k not in computed}}
