"""The text of a pull request, made from the data of a submission."""

from collections.abc import Iterator, Sequence

from grokbench.errors import SuiteError
from grokbench.io import json_lines
from grokbench.records import Cell, Origin, Run
from grokbench.runner import pipeline
from grokbench.store import Store
from grokbench.submissions.agreement import added_methods
from grokbench.text.escape import markdown
from grokbench.text.lists import listed, plural
from grokbench.text.numbers import number, times

__all__ = ["body", "own_cells", "own_runs", "row_lines"]

UNKNOWN = Origin("file", "of unknown origin")
QUESTIONS = (
    "Publication of each method, and your relation to its authors: ",
    "Seeds on which each method was tuned (they must be below 1000), and the number of trials: ",
)


def own_runs(store: Store) -> list[Run]:
    """List the runs that the submitter trained."""
    return [run for run in store.runs() if not run.reference]


def own_cells(store: Store) -> list[Cell]:
    """List the cells that the submitter trained."""
    own = {run.identity for run in own_runs(store)}
    return [cell for cell in store.manifest.cells if cell.identity in own]


def body(store: Store) -> str:
    """Write the text of the pull request from the data of the folder."""
    manifest, cells = store.manifest, own_cells(store)
    labels = list(dict.fromkeys(cell.regularizer for cell in cells))
    own, reference = own_runs(store), sorted({run.reference for run in store.runs() if run.reference})
    taken = f" The other rows are those of {listed(map(markdown, reference))}." if reference else ""
    blocks = [
        f"# {markdown(manifest.suite)}: {listed(map(markdown, labels))}",
        f"{plural(len(own), 'replica')} of {plural(len(cells), 'cell')}, seeds {min(manifest.seeds)} to "
        f"{max(manifest.seeds)}, trained on {listed(_facts(own, 'machine'))} with grokbench "
        f"{listed(_facts(own, 'grokbench'))} and torch {listed(_facts(own, 'torch'))}.{taken}",
        "\n".join(row_lines(store)),
        "\n".join(_methods(store, cells)),
        "\n".join(f"- {question}" for question in QUESTIONS),
    ]
    return "\n\n".join(blocks) + "\n"


def _facts(runs: Sequence[Run], key: str) -> list[str]:
    return [markdown(fact) for fact in sorted({str(run.provenance.get(key)) for run in runs})]


def row_lines(store: Store) -> Iterator[str]:
    """Yield the lines of a table of the rows that the submitter trained."""
    yield "| task | method | grokked | speed-up | Holm p | uses beyond the baseline |"
    yield "|---|---|---|---|---|---|"
    keys = {cell.key for cell in own_cells(store)}
    for row in pipeline.judge(store).rows:
        if (row.task, row.regularizer) in keys:
            speedup = "-" if row.speedup_valid_end is None else times(row.speedup_valid_end, row.speedup_bound)
            p = "-" if row.p_holm is None else number(row.p_holm)
            uses = markdown(", ".join(row.privileges)) or "-"
            grokked = f"{row.grokked}/{row.seeds}"
            yield f"| {markdown(row.task)} | {markdown(row.regularizer)} | {grokked} | {speedup} | {p} | {uses} |"


def _methods(store: Store, cells: Sequence[Cell]) -> Iterator[str]:
    """Yield a line for each submitted method: its plugins with their digests, and the method as an entry of a suite."""
    try:
        entries = {label: entry for each in added_methods(store.manifest, set()) for label, entry in each.items()}
    except SuiteError:
        entries = {}
    for label in dict.fromkeys(cell.regularizer for cell in cells):
        cell = next(cell for cell in cells if cell.regularizer == label)
        made = [
            f"{use.name} ({cell.origins.get(f'regularizers.{use.name}', UNKNOWN).with_digest})"
            for use in cell.recipe.regularizers
        ]
        entry = json_lines.dump(entries.get(label, {})).decode().strip()
        yield f"- {markdown(label)}: {markdown(listed(made))}; `{entry.replace('`', '')}`"
