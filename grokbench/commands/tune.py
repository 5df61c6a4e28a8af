"""`grokbench tune`: search for the settings of every method of a suite."""

import sys
from typing import TYPE_CHECKING, Any

import click

from grokbench.commands.completion import devices, folders, suites
from grokbench.commands.dry_run import warn_of_unverified
from grokbench.commands.options import LIMITS, METHODS, PLUGINS, UNVERIFIED_DATA
from grokbench.commands.output import echo
from grokbench.commands.plugins import warn_of_plugins
from grokbench.commands.run import interruptible, perform, print_failed

if TYPE_CHECKING:
    from grokbench.runner.request import Plan
    from grokbench.store import Store
    from grokbench.tune.preparation import Tuning

__all__ = ["tune"]


@click.command()
@click.argument("suite", shell_complete=suites)
@click.option(
    "--out", metavar="DIR", help="The folder of the search.  [default: runs/<suite>-tuning]", shell_complete=folders
)
@click.option(
    "--device",
    default="auto",
    show_default=True,
    metavar="auto|cpu|cuda|cuda:0,1",
    shell_complete=devices,
    help="Devices to train on, as for `grokbench run`.",
)
@click.option("--precision", default="float32", show_default=True, type=click.Choice(["float32", "float64"]))
@click.option(
    "--n-trials",
    type=click.IntRange(min=2, max=1000),
    metavar="N",
    help="Trials of every method on every task; a larger number extends a search.  [default: the suite's, else 8]",
)
@click.option("--dry-run", is_flag=True, help="Print what would be trained, without training.")
@LIMITS[0]
@LIMITS[1]
@PLUGINS
@METHODS
@UNVERIFIED_DATA
def tune(n_trials: int | None, dry_run: bool, **chosen: Any) -> None:
    """Search for the settings of every method of SUITE, and write a suite with the chosen settings.

    Every method, the baseline included, has the same number of trials on every task, on seeds below 1000. Trial 0 has
    the suite's own settings. The key `tune` of the suite describes the search.
    """
    from grokbench.runner.request import Request
    from grokbench.tune.preparation import prepare

    tuning = prepare(Request(**chosen), n_trials)
    warn_of_plugins(tuning.plan)
    from grokbench.runner import execute, pipeline  # noqa: F401 - an import error must come before training

    if dry_run:
        _print_work(tuning)
    else:
        _tune(tuning)


def _print_work(tuning: "Tuning") -> None:
    """Print the number of trials and of replicas."""
    from grokbench.seeds import format_seeds
    from grokbench.text.lists import plural
    from grokbench.tune.folder import check_folder
    from grokbench.tune.search import FINALISTS

    check_folder(tuning)
    warn_of_unverified(tuning.plan)
    search, cells = tuning.search, len(tuning.spaces)
    trials, again = cells * search.n_trials, cells * (FINALISTS + 1)
    epochs = sum(cell.last_epoch for cell in tuning.plan.cells)
    most = epochs * (search.n_trials * len(search.seeds) + (FINALISTS + 1) * len(search.confirm_seeds))
    echo(
        f"{plural(cells, 'cell')} x {plural(search.n_trials, 'trial')} ({search.sampler}) x "
        f"{plural(len(search.seeds), 'seed')} ({format_seeds(search.seeds)}): "
        f"{plural(trials * len(search.seeds), 'replica')}\n"
        f"{plural(cells, 'cell')} x at most {FINALISTS + 1} finalists x "
        f"{plural(len(search.confirm_seeds), 'seed')} ({format_seeds(search.confirm_seeds)}): at most "
        f"{plural(again * len(search.confirm_seeds), 'replica')}\n"
        f"At most {most:,} epochs in all, results in {tuning.directory}. Nothing was run."
    )


def _tune(tuning: "Tuning") -> None:
    """Search, then print and write what was found."""
    from grokbench.io import atomic
    from grokbench.tune import folder
    from grokbench.tune.findings import chosen_suite, findings
    from grokbench.tune.search import run_search
    from grokbench.tune.tables import describe

    failures: list[tuple[Plan, Store, list[Any]]] = []

    def train(plan: "Plan") -> "Store":
        store, failed = perform(plan, fail_fast=False)
        failures.extend([(plan, store, failed)] if failed else [])
        return store

    with interruptible("failed"):
        found = run_search(tuning, train)
        record = findings(tuning, found)
        folder.write_json(tuning, folder.FINDINGS, record)
        atomic.write(tuning.directory / folder.CHOSEN, chosen_suite(tuning, found).encode(), tuning.directory)
        echo("\n\n".join(describe(record)))
        echo(
            f"\nEvery trial: {tuning.directory / folder.FINDINGS}    The chosen settings, a suite to run: "
            f"{tuning.directory / folder.CHOSEN}"
        )
    for plan, store, failed in failures:
        print_failed(plan, store, failed)
    if failures:
        sys.exit(1)
