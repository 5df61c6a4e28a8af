"""The command line: arguments in, the pipeline, text out. Nothing is computed here."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from grokbench import __version__
from grokbench.errors import GrokbenchError, StoreError

if TYPE_CHECKING:
    from grokbench.pipeline import Plan
    from grokbench.plugins import Registry
    from grokbench.store import Store

__all__ = ["main"]

FORMATS = ("table", "markdown", "latex", "csv", "json")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def commands() -> None:
    r"""How many epochs does each method need until a network generalises?

    \b
    grokbench run quick                  train a shipped suite and print its leaderboard
    grokbench leaderboard runs/quick     print it again
    grokbench list                       what can be named in a suite
    """


def main() -> None:
    """Entry point: errors a user can put right become one message and an exit status."""
    try:
        commands(standalone_mode=False)
    except GrokbenchError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_status)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted. Everything finished so far is saved; the same command goes on from there.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; say nothing more
        sys.exit(1)


def selection(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say what to run and where."""
    options = [
        click.argument("suite"),
        click.option("--out", metavar="DIR", help="Results folder.  [default: runs/<suite>]"),
        click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda|cuda:0,1"),
        click.option("--precision", default="float32", show_default=True, type=click.Choice(["float32", "float64"])),
        click.option("--num-seeds", type=click.IntRange(min=1), help="Only the first so many seeds of the suite."),
        click.option("--seeds", metavar="0-4,7", help="These seeds instead of the suite's."),
        click.option("--task", "tasks", multiple=True, metavar="LABEL", help="Only this task; repeatable."),
        click.option(
            "--regularizer", "regularizers", multiple=True, metavar="LABEL", help="Only this one; repeatable."
        ),
        click.option("--plugin", "plugins", multiple=True, metavar="FILE", help="A plugin file; repeatable."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@commands.command()
@selection
@click.option("--dry-run", is_flag=True, help="Print what would be done, and do nothing.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first replica that fails.")
def run(dry_run: bool, fail_fast: bool, **chosen: Any) -> None:
    """Train what is missing of SUITE and print its leaderboard.

    SUITE is a path ending in .yaml or the name of a shipped suite. Finished replicas are never trained again.
    """
    from grokbench import pipeline

    plan = pipeline.resolve(pipeline.Request(**chosen))
    _warn_of_broken(plan.registry)
    if dry_run:
        _print_work(plan)
        return
    store = pipeline.open_store(plan)
    with store.lock(), _terminable():
        try:
            failed = _train(plan, store, fail_fast)
        except StoreError as error:  # a full disk, say: not the status that says nothing was run
            click.echo(f"Error: {error}", err=True)
            sys.exit(1)
    _print_leaderboard(store, "table")
    click.echo(f"\nResults: {store.directory}    (again: grokbench leaderboard {store.directory})")
    if failed:
        _print_failed(failed)
        sys.exit(1)


def _train(plan: "Plan", store: "Store", fail_fast: bool) -> list[tuple[Any, Any]]:
    """Do the work under a display; the (cell, run) of replicas that failed."""
    from grokbench import pipeline
    from grokbench.display import display
    from grokbench.records import Outcome, Progress, Run, Timing

    failed = []
    with display() as show:
        show.say(f"{plan.suite.name} on {_on(plan)}, results in {plan.directory}")
        show.begin(plan.cells, len(plan.seeds), _stored(plan, store))
        for job, event in pipeline.perform(plan, store):
            if isinstance(event, Progress):
                show.progress(event.cell, event.seeds, event.epoch, event.active)
            elif isinstance(event, Run):
                for cell in plan.cells:  # labels that share a recipe share its runs
                    if cell.identity == event.identity:
                        show.finished(event, cell)
                if event.outcome is Outcome.FAILED:
                    failed.append((job.cells[0], event))
                    if fail_fast:
                        return failed
            elif isinstance(event, Timing):
                cells = [cell.identity for cell in job.cells]
                show.timing(job.cells[0].task, cells.index(event.identity) + 1, len(cells))
    return failed


def _stored(plan: "Plan", store: "Store") -> dict[tuple[str, str], list[Any]]:
    """The runs that need not be trained, by the labels of their cell."""
    from grokbench import pipeline

    return {
        (cell.task, cell.regularizer): store.runs_of(cell, sorted(pipeline.finished(plan, store, cell)))
        for cell in plan.cells
    }


def _on(plan: "Plan") -> str:
    from grokbench.matrix import plural

    return f"the CPU, {plural(len(plan.devices), 'worker')}" if plan.kind == "cpu" else ", ".join(plan.devices)


def _print_work(plan: "Plan") -> None:
    """Cells, replicas, what is done and the work left."""
    from grokbench import pipeline
    from grokbench.matrix import plural
    from grokbench.tables import table

    work = pipeline.jobs(plan, pipeline.existing_store(plan))
    left = {job.cell.identity: 0 for job in work}
    for job in work:
        left[job.cell.identity] += len(job.missing)
    counts = [(cell, left.get(cell.identity, 0)) for cell in plan.cells]
    rows = [(c.task, c.regularizer, len(plan.seeds), len(plan.seeds) - n, n, n * c.budget) for c, n in counts]
    click.echo(table(rows, ("task", "regularizer", "replicas", "done", "left", "epochs at most")))
    click.echo(
        f"\n{plural(len(plan.cells), 'cell')}, {plural(sum(left.values()), 'replica')} left to train in "
        f"{plural(len(work), 'group')}, at most {sum(len(job.seeds) * job.cell.budget for job in work):,} epochs "
        f"on {_on(plan)}. Nothing was run."
    )


def _print_failed(failed: list[tuple[Any, Any]]) -> None:
    from grokbench.matrix import plural

    click.echo(f"\n{plural(len(failed), 'replica')} failed; the same command repeats what failed:", err=True)
    for cell, run in failed:
        click.echo(f"\n{cell.task} / {cell.regularizer}, seed {run.seed}:\n{run.error}", err=True)


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends a run as Ctrl-C does."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@commands.command()
@click.argument("directory", metavar="DIR")
@click.option("--format", "style", default="table", show_default=True, type=click.Choice(FORMATS))
def leaderboard(directory: str, style: str) -> None:
    """Print the leaderboard of a results folder."""
    from grokbench.store import Store

    _print_leaderboard(Store.load(directory), style)


def _print_leaderboard(store: "Store", style: str) -> None:
    from grokbench import pipeline
    from grokbench.report import render

    click.echo(render(pipeline.judge(store), style))
    for name in store.damaged:
        click.echo(f"Warning: {name} is damaged and counts as missing; `grokbench run` trains it again.", err=True)


@commands.command()
@click.argument("directory", metavar="DIR")
def status(directory: str) -> None:
    """Say how much of a results folder is done."""
    from grokbench.store import Store

    store = Store.load(directory)
    counts = store.status()
    words = ", ".join(f"{counts[key]} {key}" for key in ("grokked", "censored", "diverged", "failed", "missing"))
    click.echo(f"{store.manifest.suite}: {counts['planned']} replicas planned: {words}.")


@commands.command()
@click.argument("suite")
@click.option("--plugin", "plugins", multiple=True, metavar="FILE", help="A plugin file; repeatable.")
def validate(suite: str, plugins: tuple[str, ...]) -> None:
    """Check a suite without running it."""
    from grokbench import pipeline

    plan = pipeline.resolve(pipeline.Request(suite, device="cpu", plugins=plugins))
    _warn_of_broken(plan.registry)
    click.echo(f"{plan.suite.path}: sound; {len(plan.cells)} cells, {len(plan.seeds)} seeds.")


@commands.command("list")
@click.argument("kind", required=False, type=click.Choice(["tasks", "regularizers", "metrics", "suites"]))
@click.option("--plugin", "plugins", multiple=True, metavar="FILE", help="A plugin file; repeatable.")
def list_(kind: str | None, plugins: tuple[str, ...]) -> None:
    """List what can be named in a suite, and the suites that ship."""
    from grokbench.catalogue import catalogue
    from grokbench.plugins import load_registry

    registry = load_registry(plugins)
    click.echo(catalogue(registry, [kind] if kind else ["tasks", "regularizers", "metrics", "suites"]))
    _warn_of_broken(registry, traceback=True)


@commands.command()
@click.argument("name")
@click.option("--plugin", "plugins", multiple=True, metavar="FILE", help="A plugin file; repeatable.")
def show(name: str, plugins: tuple[str, ...]) -> None:
    """Describe a task, regularizer or metric: its parameters, defaults, source and origin; or print a suite."""
    from grokbench.catalogue import entry
    from grokbench.plugins import load_registry

    registry = load_registry(plugins)
    _warn_of_broken(registry)
    click.echo(entry(registry, name))


def _warn_of_broken(registry: "Registry", traceback: bool = False) -> None:
    for broken in registry.broken:
        detail = f"{broken.origin} is left out:\n{broken.traceback}" if traceback else str(broken)
        click.echo(f"Warning: {detail}", err=True)


@commands.group()
def data() -> None:
    """Data sets: where they are, and how to get them."""


@data.command("status")
def data_status() -> None:
    """Say which data sets are there, and which files to put where."""
    from grokbench.data import status

    for each in status():
        click.echo(f"{each.name}: {'present' if each.present else 'missing'} in {each.folder}")
        for file in each.missing:
            click.echo(f"  missing: {file}")
        if not each.present:
            click.echo(f"  {each.how}")


@data.command("fetch")
@click.argument("name")
def data_fetch(name: str) -> None:
    """Download a data set, verifying checksums."""
    from grokbench.data import fetch

    click.echo(f"{name}: {fetch(name)}")


@commands.command()
@click.argument("plugin", metavar="NAME|FILE")
@click.option("--plugin", "plugins", multiple=True, metavar="FILE", help="A plugin file; repeatable.")
@click.option("--format", "style", default="text", show_default=True, type=click.Choice(["text", "markdown"]))
def check(plugin: str, plugins: tuple[str, ...], style: str) -> None:
    """Ask a plugin every question that the conformance tests ask.

    NAME is a task, regularizer or metric; FILE is a plugin file, all of whose plugins are asked. The exit status is 1
    when a question failed.
    """
    from grokbench.conformance.pages import find, report

    registry, found = find(plugin, plugins)
    _warn_of_broken(registry)
    failures = 0
    for line, failed in report(registry, found, style):
        click.echo(line)
        failures += failed
    sys.exit(1 if failures else 0)
