"""`grokbench evaluate`: measure a metric on the weights that a results folder keeps."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, astuple
from typing import TYPE_CHECKING, Any

import click

from grokbench.commands.completion import folders
from grokbench.commands.options import PLUGINS, UNVERIFIED_DATA
from grokbench.commands.output import echo
from grokbench.errors import SuiteError

if TYPE_CHECKING:
    from grokbench.runner.evaluating import Inquiry, Value

__all__ = ["evaluate"]

FORMATS = ("table", "csv", "json")
COLUMNS = ("task", "regularizer", "seed", "epoch", "value")


@click.command()
@click.argument("directory", metavar="DIR", shell_complete=folders)
@click.argument("metric", metavar="METRIC")
@click.option("--task", "tasks", multiple=True, metavar="LABEL", help="Measure only this task; repeatable.")
@click.option(
    "--regularizer", "regularizers", multiple=True, metavar="LABEL", help="Measure only this method; repeatable."
)
@click.option("--param", "given", multiple=True, metavar="NAME=VALUE", help="A parameter of the metric; repeatable.")
@click.option("--epoch", default="final", show_default=True, metavar="final|N", help="Completed epochs.")
@click.option("--raw", is_flag=True, help="Measure the trained weights even if a method evaluates averaged weights.")
@PLUGINS
@UNVERIFIED_DATA
@click.option("--format", "style", default="table", show_default=True, type=click.Choice(FORMATS))
def evaluate(
    directory: str, metric: str, given: Sequence[str], epoch: str, plugins: Sequence[str], style: str, **chosen: Any
) -> None:
    """Measure METRIC on the weights that the results folder DIR keeps.

    METRIC is a label of the folder, such as test_accuracy, or a metric that `grokbench list metrics` shows. A suite
    keeps weights with `weights: final` or `weights: [EPOCHS]`. Nothing is stored.
    """
    from grokbench.plugins import load_registry
    from grokbench.runner.evaluating import Inquiry
    from grokbench.runner.evaluating import evaluate as measure
    from grokbench.store import Store
    from grokbench.text.escape import printable

    inquiry = Inquiry(metric, _parameters(given), epoch=_epoch(epoch), **chosen)
    values, refused = measure(Store.load(directory), inquiry, load_registry(plugins))
    echo(_written(inquiry, values, style), nl=False)
    for sentence in refused:
        echo(printable(sentence), err=True)


def _parameters(given: Sequence[str]) -> dict[str, Any]:
    """Read NAME=VALUE; values are read as in a suite, where 1e-3 is a number."""
    from grokbench.suite.yaml12 import parse

    found: dict[str, Any] = {}
    for each in given:
        name, sign, text = each.partition("=")
        value = parse(text, "--param") if text.strip() else None
        if not sign or not name or value is None or value.problems:
            raise SuiteError(f"--param {each}: expected NAME=VALUE, such as samples=100")
        found[name] = value.data
    return found


def _epoch(given: str) -> int | None:
    if given != "final" and not given.isdecimal():
        raise SuiteError(f"--epoch {given}: expected final, or a number of epochs")
    return None if given == "final" else int(given)


def _written(inquiry: "Inquiry", values: Sequence["Value"], style: str) -> str:
    """Format the values: rounded for people, exact for programs."""
    from pydantic_core import to_jsonable_python

    from grokbench.text.escape import csv_cell
    from grokbench.text.table import table

    if style == "json":
        data = {**asdict(inquiry), "rows": [asdict(value) for value in values]}
        return json.dumps(to_jsonable_python(data, inf_nan_mode="strings"), indent=2) + "\n"
    if style == "csv":
        file = io.StringIO()
        rows = ([csv_cell(cell) if isinstance(cell, str) else cell for cell in astuple(value)] for value in values)
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])
        return file.getvalue()
    shown = [(v.task, v.regularizer, str(v.seed), v.epoch, f"{v.value:.6g}") for v in values]
    return table(shown, COLUMNS) + "\n"
