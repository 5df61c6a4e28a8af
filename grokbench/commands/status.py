"""Commands about a run that works, or has worked, on a results folder: `status`, `logs` and `cancel`."""

import sys
import time
from typing import TYPE_CHECKING

import click

from grokbench.commands.completion import folders
from grokbench.commands.output import echo
from grokbench.commands.signals import raise_interrupt
from grokbench.io.signals import handling_signals
from grokbench.text.escape import printable

if TYPE_CHECKING:
    from grokbench.store import Store

__all__ = ["cancel", "logs", "status"]

REDRAWN = 2.0  # least seconds between two looks of `--watch`
PAUSE = 4.0  # a look that takes long is followed by a pause of so many times its length


@click.command()
@click.argument("directory", metavar="DIR", shell_complete=folders)
@click.option("--tracebacks", is_flag=True, help="Also print the tracebacks of failed replicas.")
@click.option("--watch", is_flag=True, help="Print it again every two seconds, until Ctrl-C.")
def status(directory: str, tracebacks: bool, watch: bool) -> None:
    """Show how much of a results folder is done, what is left, and where its jobs run.

    If a process is writing to the folder, the output lists the jobs in training, the number of those that wait, and the
    jobs without progress, each with its machine and process.
    """
    from grokbench.store import Store

    store = Store.load(directory)
    if watch:
        _watch(store, tracebacks)
    else:
        _print_status(store, tracebacks)


def _watch(store: "Store", tracebacks: bool) -> None:
    """Print the status again and again, on a terminal in place of the last one; Ctrl-C ends it."""
    try:
        with handling_signals(raise_interrupt):
            while True:
                began = time.monotonic()
                if sys.stdout.isatty():
                    click.clear()
                _print_status(store, tracebacks)
                time.sleep(max(REDRAWN, PAUSE * (time.monotonic() - began)))
                store.reload()
    except KeyboardInterrupt:
        return


def _print_status(store: "Store", tracebacks: bool) -> None:
    from grokbench.store import status

    for line in status.describe(store):
        echo(printable(line))
    for paragraph in status.tracebacks(store) if tracebacks else ():
        echo(f"\n{paragraph}")


@click.command()
@click.argument("directory", metavar="DIR", shell_complete=folders)
@click.argument("cell", metavar="CELL")
@click.option("--lines", default=100, show_default=True, type=click.IntRange(min=1), help="Last lines of a log file.")
def logs(directory: str, cell: str, lines: int) -> None:
    """Print what the workers of a cell wrote: notices, the tracebacks of failed replicas, and log files.

    CELL is a task and a regularizer as `status` names them: 'sparse_parity / baseline'.
    """
    from grokbench.store import Store
    from grokbench.store.logs import cell_named, paragraphs

    store = Store.load(directory)
    found = list(paragraphs(store, cell_named(store, cell), lines))
    for paragraph in found or [f"{cell}: its workers wrote nothing that was kept."]:
        echo(paragraph)


@click.command()
@click.argument("directory", metavar="DIR", shell_complete=folders)
def cancel(directory: str) -> None:
    """End the run that works on a results folder.

    Its groups write checkpoints first. The same `grokbench run` goes on from there.
    """
    from grokbench.launchers.cancelling import cancel
    from grokbench.store import Store

    for sentence in cancel(Store.load(directory)):
        echo(printable(sentence))
