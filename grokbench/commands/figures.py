"""Commands that draw the charts of a results folder: `report` and `plot`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from grokbench.commands.completion import folders
from grokbench.commands.options import PLUGINS
from grokbench.commands.output import echo
from grokbench.commands.slices import sliced
from grokbench.text.escape import printable

if TYPE_CHECKING:
    from grokbench.judging.evidence import Evidence
    from grokbench.report.charts import Drawing

__all__ = ["plot", "report"]

FIGURES = (
    "summary",
    "profile",
    "published",
    "forest",
    "survival",
    "accuracy",
    "seconds",
    "sensitivity",
    "metrics",
)  # of `report.charts`
SLICES = ("slices", "other_slices")  # figures of kept networks, which are not in the report
PAPER = tuple(f"figure{number}" for number in range(2, 9))  # `PAPER_FIGURES` of `report.charts`
ALL_TASKS = ("summary", "profile", "published", "figure3", "figure8")  # figures that always show all tasks
NOTHING = "has nothing to draw yet for `{}`: see `grokbench status`."
NO_SPEEDUP = (
    "has no speed-up to draw: a method and the baseline must have finished every planned seed, and one of them must "
    "have grokked; `grokbench leaderboard` says what is missing."
)
EMPTY = {
    "forest": NO_SPEEDUP,
    "summary": NO_SPEEDUP,
    "published": "has no published number beside a finished row: a suite gives them under `published`.",
    "sensitivity": (
        "has no method that was run with two settings of the optimizer: add a row to its suite such as "
        "decay: {use: baseline, optimizer: {weight_decay: {grid: [0.1, 1.0]}}}, and run the suite."
    ),
    **{
        name: f"has no curves of {name}: run the suite `{name}`, or one that records metrics under the same labels."
        for name in PAPER
    },
}
FORMATS = ("svg", "pdf", "png")
WIDTHS = ("single", "double")  # of `report.charts.style`


@click.command()
@click.argument("directory", metavar="DIR", shell_complete=folders)
@click.option(
    "--out", metavar="FILE", help="The output file.  [default: report.html in DIR]", type=click.Path(dir_okay=False)
)
def report(directory: str, out: str | None) -> None:
    """Write a results folder as one HTML file.

    The file needs neither a network nor other files; open it in any browser.
    """
    from grokbench.io import atomic, links
    from grokbench.report.html import document

    file, within = (Path(directory, "report.html"), Path(directory)) if out is None else (Path(out), None)
    if within is not None:
        links.refuse(file, within)
    place, evidence = atomic.target(file), _evidence(directory)
    content = document(evidence).encode(errors="replace")  # for a lone surrogate, from a damaged label or a traceback
    atomic.write(place, content, within)
    echo(f"{len(content) / 2**20:.1f} MB in {file}")


@click.command()
@click.argument("directory", metavar="DIR", shell_complete=folders)
@click.argument("figure", metavar="FIGURE", type=click.Choice([*FIGURES, *SLICES, *PAPER, "all"]))
@click.option("--out", metavar="FOLDER", help="The output folder.  [default: figures in DIR]", shell_complete=folders)
@click.option("--task", "tasks", multiple=True, metavar="LABEL", help="Draw only this task; repeatable.")
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="LABEL",
    help="Draw only this metric of the figure `metrics`; repeatable.",
)
@click.option(
    "--regularizer",
    "regularizers",
    multiple=True,
    metavar="LABEL",
    help="Draw this method in colour, and the others in grey; repeatable. In `slices` and `other_slices`, draw only "
    "this method.  [default: the leading ones, if there are more than 8]",
)
@PLUGINS
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(FORMATS),
    help="File format; repeatable.  [default: all three]",
)
@click.option("--width", default="single", show_default=True, type=click.Choice(WIDTHS), help="Column: 85 or 175 mm.")
@click.option(
    "--axis", default="log", show_default=True, type=click.Choice(["log", "linear"]), help="Scale of the epochs."
)
@click.option("--seeds", is_flag=True, help="Draw the curve of every seed behind the median accuracy.")
def plot(
    directory: str,
    figure: str,
    out: str | None,
    tasks: tuple[str, ...],
    metrics: tuple[str, ...],
    regularizers: tuple[str, ...],
    plugins: tuple[str, ...],
    formats: tuple[str, ...],
    width: str,
    axis: str,
    seeds: bool,
) -> None:
    """Write a figure of a results folder as svg, pdf and png, in the width of a paper's column.

    \b
    summary    every speed-up of every task
    profile    shares of seeds on which methods are nearly the fastest
    published  published ratios of mean epochs beside ours
    forest     speed-up over the baseline, with intervals
    survival   Kaplan-Meier curves of the time to grok
    accuracy   train and test accuracy over epochs
    seconds    seconds to grok against epochs
    sensitivity  speed-up over learning rate and weight decay
    metrics    every other recorded metric over epochs
    slices     linear regions, decision boundary and centroids at kept weights, on
               the plane through three training examples (not in `all`)
    other_slices  the same at the last kept weights, on three other planes
    figure2 to figure8  the paper's figure: panels of means over seeds (not in `all`)
    """  # noqa: D301 - click reads the character itself
    from grokbench.report.charts import Sheet, drawings
    from grokbench.report.charts.style import PAPER

    evidence = _evidence(directory)
    _check(evidence, directory, figure, tasks, metrics)
    chosen = () if figure in SLICES else _known(directory, regularizers, evidence.methods)
    sheet = Sheet(evidence, PAPER[width], axis == "log", seeds, chosen)
    if figure in SLICES:
        wanted = sliced(sheet, figure, tasks, regularizers, plugins)
    else:
        names = FIGURES if figure == "all" else [figure]
        found = [drawing for name in names for drawing in drawings(sheet, name)]
        wanted = [each for each in found if _selected(each, tasks, metrics)]
    if not wanted:
        raise click.ClickException(f"{directory} {EMPTY.get(figure, NOTHING.format(figure))}")
    folder = Path(directory, "figures") if out is None else Path(out)
    _write(wanted, folder, Path(directory) if out is None else folder, formats or FORMATS)


def _evidence(directory: str) -> "Evidence":
    """Load a results folder, and warn of damaged files."""
    from grokbench.judging.evidence import gather
    from grokbench.store import Store
    from grokbench.store.privacy import public_manifest

    store = Store.load(directory)
    store.manifest = public_manifest(store.manifest)
    found = gather(store)
    for sentence in found.complaints:
        echo(f"Warning: {printable(sentence)}", err=True)
    return found


def _check(evidence: "Evidence", directory: str, figure: str, tasks: tuple[str, ...], metrics: tuple[str, ...]) -> None:
    """Refuse labels that the folder lacks, and refuse --task and --metric for figures to which they do not apply."""
    from grokbench.errors import StoreError
    from grokbench.report.charts import others
    from grokbench.text.suggest import did_you_mean

    if tasks and figure in ALL_TASKS:
        raise click.UsageError(f"The figure `{figure}` shows all tasks: leave out --task.")
    if metrics and figure not in ("metrics", "all"):
        raise click.UsageError(f"--metric applies only to the figure `metrics`, not to `{figure}`: leave out --metric.")
    recorded = sorted({label for _, label in others(evidence)})
    for kind, labels, known in (("task", tasks, evidence.tasks), ("metric", metrics, recorded)):
        for label in labels:
            if label not in known:
                there = f"there are: {', '.join(known)}" if known else "there are none"
                near = did_you_mean(label, known)
                raise StoreError(f"{directory} has no runs to draw for the {kind} {label!r}; {there}{near}")


def _known(directory: str, labels: tuple[str, ...], methods: list[str]) -> tuple[str, ...]:
    """Return the labels of methods; refuse one that the folder lacks."""
    from grokbench.errors import StoreError
    from grokbench.text.suggest import did_you_mean

    for label in labels:
        if label not in methods:
            there = f"there are: {', '.join(methods)}{did_you_mean(label, methods)}"
            raise StoreError(f"{directory} has no regularizer {label!r}; {there}")
    return labels


def _selected(drawing: "Drawing", tasks: tuple[str, ...], metrics: tuple[str, ...]) -> bool:
    """Return whether --task and --metric select a drawing."""
    return (not tasks or drawing.task in tasks) and (not metrics or drawing.metric in metrics)


def _write(drawn: list["Drawing"], folder: Path, within: Path, formats: tuple[str, ...]) -> None:
    """Write a file for each drawing and format. Names of files are valid whatever the labels are.

    Args:
        drawn: the drawings.
        folder: the folder of the files.
        within: `folder`, or one that contains it, below which no link is followed.
        formats: names of FORMATS.
    """
    from grokbench.io import atomic, links
    from grokbench.report.charts.files import file_name, rendered

    drawings = {f"{file_name(drawing)}.{format}": (drawing, format) for drawing in drawn for format in formats}
    links.refuse_all(within, [str(folder.relative_to(within) / name) for name in drawings])  # before the first is drawn
    atomic.make_folder(folder)
    for name, (drawing, format) in drawings.items():
        atomic.write(folder / name, rendered(drawing.specification, format), within)
        echo(str(folder / name))
