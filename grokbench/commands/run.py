"""`grokbench run`: train the missing replicas of a suite and print its leaderboard."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from grokbench.commands.completion import devices, folders, labels, observers, suites
from grokbench.commands.dry_run import print_work
from grokbench.commands.options import LIMITS, METHODS, PLUGINS, UNVERIFIED_DATA, Seconds
from grokbench.commands.output import echo
from grokbench.commands.plugins import warn_of_plugins
from grokbench.commands.profiles import print_profiles
from grokbench.commands.results import print_leaderboard
from grokbench.commands.signals import Interrupted, exit_status, raise_interrupt
from grokbench.errors import StoreError
from grokbench.io.signals import handling_signals
from grokbench.launchers.choice import LAUNCHERS
from grokbench.seeds import format_seeds
from grokbench.store.reuse import RERUN
from grokbench.text.escape import printable

if TYPE_CHECKING:
    from grokbench.runner.request import Plan
    from grokbench.store import Store

__all__ = ["interruptible", "perform", "print_failed", "run"]

SELECTION = (  # options that choose what to run and where
    click.argument("suite", shell_complete=suites),
    click.option("--out", metavar="DIR", help="The results folder.  [default: runs/<suite>]", shell_complete=folders),
    click.option(
        "--device",
        default="auto",
        show_default=True,
        metavar="auto|cpu|cuda|cuda:0,1",
        shell_complete=devices,
        help="Devices to train on. cpu: one worker per core; cuda: two workers per device; cuda:0,1,1: one worker on "
        "GPU 0, two on GPU 1.",
    ),
    click.option(
        "--launcher",
        type=click.Choice(LAUNCHERS),
        help="Where the workers run: on this machine, in jobs of Slurm, or on a Ray cluster.  [default: as the "
        "settings file says, else local]",
    ),
    click.option(
        "--no-wait",
        is_flag=True,
        help="Submit the jobs to Slurm and end; the same command receives their results later.",
    ),
    click.option("--precision", default="float32", show_default=True, type=click.Choice(["float32", "float64"])),
    click.option(
        "--group-size",
        type=click.IntRange(min=2),
        metavar="N",
        help="Seeds of a cell to train together; another size rounds differently.  [default: as many as memory allows]",
    ),
    click.option(
        "--compile",
        is_flag=True,
        help="Compile training with torch's compiler, on a CPU: faster, with other rounding. Cells too short to gain "
        "from it are not compiled.",
    ),
    click.option(
        "--checkpoint-seconds",
        type=Seconds(min=0),
        default=60.0,
        show_default=True,
        metavar="S",
        help="Seconds between checkpoints; an interrupted group resumes from the last one.",
    ),
    *LIMITS,
    click.option("--num-seeds", type=click.IntRange(min=1), metavar="N", help="Use only the suite's first N seeds."),
    click.option("--seeds", metavar="0-4,7", help="Use these seeds instead of the suite's."),
    click.option(
        "--task",
        "tasks",
        multiple=True,
        metavar="LABEL",
        help="Train only this task; repeatable.",
        shell_complete=labels,
    ),
    click.option(
        "--regularizer",
        "regularizers",
        multiple=True,
        metavar="LABEL",
        help="Train only this regularizer and the methods of --with; repeatable.",
        shell_complete=labels,
    ),
    PLUGINS,
    METHODS,
    click.option(
        "--reference",
        metavar="DIR|none",
        help="A results folder whose rows are taken instead of trained, marked @ (other machine); none: train all.  "
        "[default with --with: results/<suite>, if there is one]",
        shell_complete=folders,
    ),
    UNVERIFIED_DATA,
)


def _rerun_help() -> str:
    words = "; ".join(f"{value}: {what}" for value, what in RERUN.items())
    return f"Runs to train. {words}. Replaced runs are kept in superseded/."


def selection(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that choose what to run and where."""
    for option in reversed(SELECTION):
        command = option(command)
    return command


@click.command()
@selection
@click.option("--rerun", default="failed", show_default=True, type=click.Choice(list(RERUN)), help=_rerun_help())
@click.option(
    "--log",
    multiple=True,
    metavar="NAME",
    help="Add an observer: its name, or with parameters, 'tensorboard: {folder: logs}'; repeatable.",
    shell_complete=observers,
)
@click.option("--dry-run", is_flag=True, help="Print what would be trained, without training.")
@click.option("--profile", is_flag=True, help="Time the phases of every cell for some seconds; keep no results.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first replica that fails.")
def run(dry_run: bool, profile: bool, fail_fast: bool, **chosen: Any) -> None:
    """Train the missing replicas of SUITE and print its leaderboard.

    SUITE is a path ending in .yaml or the name of a shipped suite. Finished replicas are not trained again unless
    --rerun says so. Replaced runs are kept in the folder superseded/ of the results.
    """
    from grokbench.runner.request import Request, resolve

    plan = resolve(Request(**chosen))  # a wrong suite is reported before the rest is loaded
    warn_of_plugins(plan)
    from grokbench.runner import execute, pipeline  # noqa: F401 - an import error must come before training

    if dry_run:
        print_work(plan)
    elif profile:
        print_profiles(plan)
    else:
        _train(plan, fail_fast)


def _train(plan: "Plan", fail_fast: bool) -> None:
    """Train, then print the leaderboard, incomplete rows, hidden runs and failures."""
    with interruptible(plan.rerun):
        store, failed = perform(plan, fail_fast)
        print_leaderboard(store, "table")
        echo(f"\nResults: {store.directory}    (again: grokbench leaderboard {store.directory})")
        _print_missing_seeds(plan, store)
        _print_unplanned(store)
        if failed:
            print_failed(plan, store, failed)
            sys.exit(1)


def perform(plan: "Plan", fail_fast: bool) -> tuple["Store", list[tuple[Any, Any]]]:
    """Train in the results folder under a lock; return the folder and the failed replicas.

    Args:
        plan: the resolved request.
        fail_fast: stop at the first replica that fails.
    """
    from grokbench.runner import pipeline
    from grokbench.runner.execute import execute
    from grokbench.runner.references import reference_of
    from grokbench.runner.stored import environment_differences

    if reference := reference_of(plan):
        echo(printable(reference.sentence()))
    with pipeline.open_store(plan, reference) as store:
        for difference in environment_differences(plan, store):
            echo(f"Warning: {printable(difference)}", err=True)
        try:
            return store, execute(plan, store, fail_fast)
        except StoreError as error:  # such as a full disk; exit status 2 would mean that nothing was run
            echo(f"Error: {printable(str(error))}", err=True)
            sys.exit(1)


def _print_missing_seeds(plan: "Plan", store: "Store") -> None:
    """Print the seeds that an earlier command planned and that are missing in some rows."""
    from grokbench.runner.stored import missing_seeds_outside_plan

    if others := format_seeds(missing_seeds_outside_plan(plan, store)):
        echo(
            f"Rows are incomplete: {store.directory} also plans the seeds {others}, which some cells lack; the same "
            f"command with --seeds {others} trains them."
        )


def _print_unplanned(store: "Store") -> None:
    """Print the number of stored replicas that this command does not plan; the leaderboard has no row for them."""
    from grokbench.store.status import unplanned
    from grokbench.text.lists import plural

    if others := unplanned(store):
        echo(
            f"Not shown: {plural(others, 'replica')} in {store.directory} of cells that are not planned now: they have "
            "other settings, or an earlier command added their methods; repeat its --plugin and --with to see them."
        )


def print_failed(plan: "Plan", store: "Store", failed: list[tuple[Any, Any]]) -> None:
    """Explain the failed replicas.

    Args:
        plan: the plan of the replicas.
        store: the results folder.
        failed: the replicas, each with its cell.
    """
    from grokbench.commands.failures import explanations
    from grokbench.text.lists import plural

    echo(f"\n{plural(len(failed), 'replica')} failed; the same command trains them again:", err=True)
    for paragraph in explanations(failed, plan.registry, plan.plugins):
        echo(f"\n{paragraph}", err=True)
    echo(f"\nThe tracebacks are kept: grokbench status {quote(str(store.directory))} --tracebacks", err=True)


@contextmanager
def interruptible(rerun: str) -> Iterator[None]:
    """Let signals unwind the command, then say how to continue."""
    try:
        with handling_signals(raise_interrupt):
            yield
    except KeyboardInterrupt as stop:
        echo(err=True)  # after the ^C of a terminal
        number, again = exit_status(stop) - 128, "the same command without --rerun all" if rerun == "all" else ""
        raise Interrupted(number, again) from None
