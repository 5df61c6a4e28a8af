"""`grokbench merge`: join results folders of several machines."""

from pathlib import Path

import click

from grokbench.commands.completion import folders
from grokbench.commands.output import echo
from grokbench.text.escape import printable

__all__ = ["merge"]


@click.command()
@click.argument("directories", metavar="DIR DIR...", nargs=-1, required=True, shell_complete=folders)
@click.option("--out", metavar="FOLDER", required=True, help="The new results folder.", shell_complete=folders)
def merge(directories: tuple[str, ...], out: str) -> None:
    """Join results folders of one suite, made on several machines, into a new folder.

    Every run keeps its provenance. Folders that contradict each other are refused: another recipe, precision, engine or
    data, or the same replica with other results. Each row has the seconds of one machine, which are
    compared only with rows of the same machine.
    """
    from grokbench.store import Store
    from grokbench.store.joining import join
    from grokbench.store.status import complaints

    if len({Path(directory).resolve() for directory in directories}) < 2:
        raise click.UsageError("merge needs at least two different folders: grokbench merge A B --out FOLDER")
    stores = [Store.load(directory) for directory in directories]
    sentences = join(stores, Path(out))
    for store in stores:
        for sentence in complaints(store):
            echo(f"Warning: {printable(sentence)}", err=True)
        if store.busy:
            echo(f"Warning: a process is writing to {store.directory}: merge again when it has ended.", err=True)
    for sentence in sentences:
        echo(printable(sentence))
    echo(f"Merged: {out}    (show: grokbench leaderboard {out})")
