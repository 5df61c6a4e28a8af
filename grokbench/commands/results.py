"""Commands about a results folder: `leaderboard`, `compare`, `seconds`, `pack` and `export`."""

import shutil
import sys
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grokbench.commands.completion import folders
from grokbench.commands.leaderboard_rows import row_options, selected
from grokbench.commands.output import can_print, echo
from grokbench.text.escape import printable

if TYPE_CHECKING:
    from grokbench.store import Store

__all__ = ["compare", "export", "leaderboard", "pack", "print_leaderboard", "seconds"]

FORMATS = ("table", "markdown", "latex", "csv", "json")  # the formats of `report.text`, which is slow to import
CONTRAST_FORMATS = ("table", "markdown", "json")  # the formats of `report.text.contrast` and `report.text.seconds`


@click.command()
@click.argument("directory", metavar="DIR", shell_complete=folders)
@click.option("--format", "style", default="table", show_default=True, type=click.Choice(FORMATS))
@click.option("--methods-text", is_flag=True, help="Print instead, in sentences, how the numbers were made.")
@row_options
def leaderboard(directory: str, style: str, methods_text: bool, **rows: Any) -> None:
    """Print the leaderboard of a results folder.

    Options that select rows change no number: p stays corrected over all planned comparisons.
    """
    from grokbench.store import Store

    if methods_text:
        _print_methods(Store.load(directory), style)
    else:
        print_leaderboard(Store.load(directory), style, **rows)


def _print_methods(store: "Store", style: str) -> None:
    """Print how the numbers of a folder were made, and warn of damaged files."""
    from grokbench.judging.comparison import compare
    from grokbench.report.methods import paragraphs
    from grokbench.report.text import render_text

    found = compare(store.manifest, store.runs(), store.timings(), history=store.history())
    echo(render_text(paragraphs(found), style), nl=False)
    _warn_of_damaged(store)


def print_leaderboard(
    store: "Store",
    style: str,
    sort: str | None = None,
    tasks: tuple[str, ...] = (),
    regularizers: tuple[str, ...] = (),
    top: int | None = None,
) -> None:
    """Print the leaderboard of a folder, and warn of damaged files.

    Args:
        store: the results folder.
        style: one of FORMATS; a table is fitted to the width of a terminal.
        sort: the order of the rows, as for `leaderboard_rows.selected`.
        tasks: the tasks to show; empty for all.
        regularizers: the methods to show besides the baseline; empty for all.
        top: the most rows of a task besides the baseline's; None for all.
    """
    from grokbench.report.text import NARROWEST, render
    from grokbench.report.text.sparklines import BLOCKS, DIGITS, read_sparklines
    from grokbench.runner import pipeline

    width = max(NARROWEST, shutil.get_terminal_size().columns) if sys.stdout and sys.stdout.isatty() else None
    judged = selected(pipeline.judge(store), style, sort=sort, tasks=tasks, regularizers=regularizers, top=top)
    levels = BLOCKS if can_print(BLOCKS) else DIGITS
    echo(render(judged, style, width, read_sparklines(store, judged, levels) if style == "table" else None))
    _warn_of_damaged(store)


def _warn_of_damaged(*stores: "Store") -> None:
    from grokbench.store.status import complaints

    for store in stores:
        for sentence in complaints(store):
            echo(f"Warning: {printable(sentence)}", err=True)


@click.command()
@click.argument("first", metavar="A", shell_complete=folders)
@click.argument("second", metavar="B", shell_complete=folders)
@click.option("--format", "style", default="table", show_default=True, type=click.Choice(CONTRAST_FORMATS))
def compare(first: str, second: str, style: str) -> None:
    """Compare two results folders: how they were made, and their results.

    Cells are matched by the labels of task and regularizer. A and B are tested against each other only if device,
    machine, precision and versions are the same; their conclusions are always compared.
    """
    from grokbench.judging.compare_folders import contrast
    from grokbench.report.text.folder_comparison import render
    from grokbench.store import Store

    stores = Store.load(first), Store.load(second)
    echo(render(contrast(*stores), style), nl=False)
    _warn_of_damaged(*stores)


@click.command()
@click.argument("directory", metavar="DIR", shell_complete=folders)
@click.option("--format", "style", default="table", show_default=True, type=click.Choice(CONTRAST_FORMATS))
def seconds(directory: str, style: str) -> None:
    """Print the seconds per epoch and the seconds to grok of each method in a results folder."""
    from grokbench.judging.comparison import compare
    from grokbench.judging.seconds import costs
    from grokbench.report.text.seconds import render
    from grokbench.store import Store

    store = Store.load(directory)
    timings = store.timings()
    found = compare(store.manifest, store.runs(), timings)
    echo(render(list(costs(found)), f"{store.manifest.suite}, in seconds", timings, style))
    _warn_of_damaged(store)


@click.command()
@click.argument("directory", metavar="DIR", shell_complete=folders)
@click.option("--out", metavar="FOLDER", help="The output folder.  [default: results/<suite>]", shell_complete=folders)
@click.option("--weights", is_flag=True, help="Copy the kept weights, too.")
@click.option("--keep-paths", is_flag=True, help="Publish the paths of this machine that a recipe holds.")
def pack(directory: str, out: str | None, weights: bool, keep_paths: bool) -> None:
    """Write a small copy of the folder for git: outcomes, thinned curves, seconds, and the leaderboard as markdown.

    The packed folder is a results folder like any other: it can be shown, compared, and continued by
    `grokbench run SUITE --out FOLDER`, which unpacks it first. Paths of the machine and names of its users are removed
    from tracebacks. The command lists what the copy reveals.
    """
    from grokbench.io import atomic
    from grokbench.judging.ordering import arranged
    from grokbench.report.text import render
    from grokbench.runner import pipeline
    from grokbench.store import Store
    from grokbench.store.packs import LEADERBOARD, packed
    from grokbench.store.privacy import about_machines, public_manifest
    from grokbench.store.status import unplanned

    store = Store.load(directory)
    store.manifest = public_manifest(store.manifest)
    folder = _named_folder("results", store.manifest.suite) if out is None else Path(out)
    runs = chain(store.each_run(curves=True), store.withdrawn_runs(curves=True))
    files = packed(store.manifest, runs, store.timings(), weights, store.history().ledger)
    files[LEADERBOARD] = render(arranged(pipeline.judge(store)), "markdown").encode()
    if not keep_paths:
        _refuse_paths(directory, files)
    kept, damaged = store.weights.intact(store.each_run()) if weights else ({}, 0)
    atomic.write_folder(folder, files, kept, Path() if out is None else None)
    sizes = {name: len(content) for name, content in files.items()}
    sizes |= {"weights/": sum(path.stat().st_size for path in kept.values())} if kept else {}
    echo(f"Published: {', '.join(f'{name} {size / 1000:,.1f} kB' for name, size in sizes.items())}.")
    for line in about_machines(list(store.each_run())):
        echo(printable(line))
    echo(f"{sum(sizes.values()) / 2**20:.1f} MB in {folder}    (show: grokbench leaderboard {folder})")
    if others := unplanned(store, withdrawn=True):
        echo(f"Left out: {others} replicas of cells or seeds that {directory} does not plan now.", err=True)
    if damaged:
        echo(
            f"Warning: left out: {damaged} files of weights that are links, are damaged, or belong to runs that are "
            "not stored here. Delete them and run the suite again: the run makes them anew.",
            err=True,
        )
    if store.busy:
        echo(f"Warning: a process is writing to {directory}: pack again when that process has ended.", err=True)
    _warn_of_damaged(store)


def _refuse_paths(directory: str, files: Mapping[str, bytes]) -> None:
    """Raise StoreError if a recipe or a label holds a path, because these cannot be changed."""
    from grokbench.errors import StoreError
    from grokbench.store.privacy import paths_left

    for name, path in paths_left(files):
        raise StoreError(
            f"{directory} would publish the path {printable(path)!r} in {name}: it is in a recipe or a label, which "
            "cannot be changed any more. Pack with --keep-paths if others may see this path."
        )


@click.command()
@click.argument("directory", metavar="DIR", shell_complete=folders)
@click.option("--out", metavar="FOLDER", help="The output folder.  [default: exports/<suite>]", shell_complete=folders)
@click.option("--format", "style", default="csv", show_default=True, type=click.Choice(("csv", "parquet")))
@click.option("--force", is_flag=True, help="Replace an earlier export in the output folder.")
def export(directory: str, out: str | None, style: str, force: bool) -> None:
    """Write every run, every curve and the leaderboard as tables, with a page that describes their columns.

    Numbers are written exactly, including nan and inf. Parquet needs pyarrow:
    pip install 'grokbench[parquet]'.
    """
    from grokbench.io import links
    from grokbench.report.export import export as write
    from grokbench.runner import pipeline
    from grokbench.store import Store
    from grokbench.store.privacy import public_manifest

    store = Store.load(directory)
    store.manifest = public_manifest(store.manifest)
    folder = _named_folder("exports", store.manifest.suite) if out is None else Path(out)
    if out is None:
        links.refuse(folder, Path())
    counts = write(store, pipeline.judge(store), folder, style, force)
    words = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    echo(f"Rows: {words}, in {folder}    (columns: {folder / 'README.md'})")
    if store.busy:
        echo(f"Warning: a process is writing to {directory}: export again when that process has ended.", err=True)
    _warn_of_damaged(store)


def _named_folder(parent: str, suite: str) -> Path:
    """Return the default output folder of a suite; raise StoreError if the suite's name cannot name a folder."""
    from grokbench.errors import StoreError
    from grokbench.store.layout import NAME

    if not NAME.fullmatch(suite):
        raise StoreError(f"The suite's name, {suite!r}, cannot name a folder: choose one with --out.")
    return Path(parent) / suite
