"""The command about a suite that is yet to be run, or run again: `power`."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from grokbench.commands.completion import folders, suites
from grokbench.commands.options import METHODS, PLUGINS
from grokbench.errors import StoreError
from grokbench.records import Cell

if TYPE_CHECKING:
    from grokbench.judging.comparison import Comparisons
    from grokbench.runner.request import Plan

__all__ = ["power"]

FORMATS = ("table", "markdown", "json")  # those of `report.power`


class Finite(click.FloatRange):
    """A number in a range; neither nan, which is in every range, nor infinite."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number; BadParameter for any other."""
        number = super().convert(value, param, ctx)
        return number if math.isfinite(number) else self.fail(f"{value} is not a finite number.", param, ctx)


@click.command()
@click.argument("suite", shell_complete=suites)
@PLUGINS
@METHODS
@click.option(
    "--out",
    metavar="DIR",
    help="Results to take the spread from.  [default: runs/<suite>]",
    shell_complete=folders,
)
@click.option("--speedup", default=1.1, show_default=True, type=Finite(min=1, min_open=True), help="To be detected.")
@click.option(
    "--power",
    "wanted",
    default=0.8,
    show_default=True,
    type=Finite(0, 1, min_open=True, max_open=True),
    help="How often it must be detected.",
)
@click.option("--format", "style", default="table", show_default=True, type=click.Choice(FORMATS))
def power(suite: str, out: str | None, speedup: float, wanted: float, style: str, **chosen: Any) -> None:
    """Say how many paired seeds each cell of a suite needs, from the spread in a results folder of it.

    A few seeds below 1000 are enough to plan with: `grokbench run SUITE --seeds 0-7 --out DIR` makes such a folder.
    """
    from grokbench.judging.power import Aim, needs
    from grokbench.report.text.power import render
    from grokbench.runner.request import Request, resolve

    plan = resolve(Request(suite, out, device="cpu", **chosen))
    found, statistics = _compared(plan), plan.suite.statistics
    tests = statistics.tests(plan.suite.comparisons)
    aim = Aim(speedup, wanted, len(plan.suite.seeds), tests, statistics.alpha, statistics.primary)
    for sentence in _unlike(plan, found):
        click.echo(f"Warning: {sentence}.", err=True)
    click.echo(render(list(needs(found, aim)), aim, style))


def _compared(plan: "Plan") -> "Comparisons":
    """Compare what the plan's folder holds; StoreError where that is another suite."""
    from grokbench.judging.comparison import compare
    from grokbench.store import Store

    store = Store.load(plan.directory)
    if store.manifest.suite != plan.suite.name:
        raise StoreError(f"{store.directory} holds the suite {store.manifest.suite!r}, expected {plan.suite.name!r}.")
    return compare(store.manifest, store.runs())


def _unlike(plan: "Plan", found: "Comparisons") -> Iterator[str]:
    """The cells of the plan that a folder does not hold as they are planned now, a sentence each."""
    there = {each.measured.cell.key: each.measured.cell for each in found.cells}
    for cell in plan.manifest.cells:
        held = there.get(cell.key)
        if held is None:
            yield f"{cell.name} is not in {plan.directory}: nothing is known of its spread"
        elif _recipe(held) != _recipe(cell):
            yield f"{cell.name} is planned otherwise now than it was run in {plan.directory}"


def _recipe(cell: Cell) -> dict[str, Any]:
    """Give the parts of a recipe that have to be the same, whatever the precision and the engine's revision."""
    computed = ("precision", "engine")
    return {"budget": cell.budget, **{k: v for k, v in cell.recipe.data().items() if k not in computed}}
