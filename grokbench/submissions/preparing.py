"""The folder that a pull request adds, with a text about it that is made from its data."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grokbench.errors import StoreError, SuiteError
from grokbench.io import json_lines
from grokbench.io.files import read_bytes
from grokbench.records import Cell, Run
from grokbench.runner import pipeline
from grokbench.store import Store
from grokbench.store.packs import CURVES, Curves
from grokbench.submissions import folder
from grokbench.submissions.agreement import added_methods
from grokbench.submissions.checking import contradicting
from grokbench.text.escape import markdown, printable
from grokbench.text.lists import listed, plural
from grokbench.text.numbers import number, times

__all__ = ["Prepared", "prepare"]

LONGEST_PLUGIN = 2**20  # most bytes of a plugin file
QUESTIONS = (
    "Publication of each method, and your relation to its authors: ",
    "Seeds on which each method was tuned (they must be below 1000), and the number of trials: ",
)


@dataclass(frozen=True)
class Prepared:
    """A submission before it is written.

    Attributes:
        files: name -> content; empty if the packed folder breaks a rule.
        faults: a sentence for each rule that it breaks.
    """

    files: Mapping[str, bytes]
    faults: Sequence[str]


def prepare(directory: Path, plugins: Sequence[Path]) -> Prepared:
    """Check a packed folder and make the files of its submission.

    Rows of a reference keep their outcomes, so that the folder can be judged alone, and lose their curves, which the
    committed folder has.

    Args:
        directory: the packed folder.
        plugins: files with the methods of the submission, which are submitted too.

    Raises:
        StoreError: it is no packed folder, or a file cannot be read.
    """
    files = folder.read_files(directory)
    if faults := [*folder.faults(directory, files)]:
        return Prepared({}, faults)
    store = Store.load(directory)
    faults = [*contradicting(store), *_missing_sources(store, plugins)]
    if faults:
        return Prepared({}, faults)
    files |= {CURVES: _own_curves(store, files[CURVES]), folder.BODY: _body(store).encode()}
    files |= {plugin.name: _source(plugin) for plugin in plugins}
    if packages := _packages(store):
        files[folder.REQUIREMENTS] = "".join(f"{package}\n" for package in packages).encode()
    return Prepared(files, [])


def _own_runs(store: Store) -> list[Run]:
    return [run for run in store.runs() if not run.reference]


def _own_cells(store: Store) -> list[Cell]:
    """List the cells that the submitter trained."""
    own = {run.identity for run in _own_runs(store)}
    return [cell for cell in store.manifest.cells if cell.identity in own]


def _own_curves(store: Store, content: bytes) -> bytes:
    own = {(run.identity, run.seed) for run in _own_runs(store)}
    lines = ((json_lines.parse(Curves, line), line) for line in content.splitlines(keepends=True))
    return b"".join(line for curves, line in lines if (curves.identity, curves.seed) in own)


def _source(plugin: Path) -> bytes:
    """Read a plugin file; raise StoreError if it cannot be submitted."""
    try:
        return read_bytes(plugin, LONGEST_PLUGIN)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise StoreError(f"{plugin} cannot be read ({why}): name a plugin file.") from error


def _origins(store: Store, kind: str) -> Iterator[tuple[str, str]]:
    """Yield the provider and its version for each plugin of a kind in the submitted rows."""
    for cell in _own_cells(store):
        yield from ((origin.name, origin.version) for origin in cell.origins.values() if origin.kind == kind)


def _packages(store: Store) -> list[str]:
    return sorted({f"{name}=={version}" if version else name for name, version in _origins(store, "package")})


def _missing_sources(store: Store, plugins: Sequence[Path]) -> Iterator[str]:
    """Yield a sentence for each plugin file that made the runs and is not submitted."""
    given = {plugin.name for plugin in plugins}
    for name in sorted({name for name, _ in _origins(store, "file")} - given):
        yield f"The runs were made by {printable(name)}, which is not submitted: add --plugin {printable(name)}."


def _body(store: Store) -> str:
    """Write the text of the pull request, from the data of the folder."""
    manifest, cells = store.manifest, _own_cells(store)
    labels = list(dict.fromkeys(cell.regularizer for cell in cells))
    own, reference = _own_runs(store), sorted({run.reference for run in store.runs() if run.reference})
    taken = f" The other rows are those of {listed(map(markdown, reference))}." if reference else ""
    blocks = [
        f"# {markdown(manifest.suite)}: {listed(map(markdown, labels))}",
        f"{plural(len(own), 'replica')} of {plural(len(cells), 'cell')}, seeds {min(manifest.seeds)} to "
        f"{max(manifest.seeds)}, trained on {listed(_facts(own, 'machine'))} with grokbench "
        f"{listed(_facts(own, 'grokbench'))} and torch {listed(_facts(own, 'torch'))}.{taken}",
        "\n".join(_rows(store, cells)),
        "\n".join(_methods(store, cells)),
        "\n".join(f"- {question}" for question in QUESTIONS),
    ]
    return "\n\n".join(blocks) + "\n"


def _facts(runs: Sequence[Run], key: str) -> list[str]:
    return [markdown(fact) for fact in sorted({str(run.provenance.get(key)) for run in runs})]


def _rows(store: Store, cells: Sequence[Cell]) -> Iterator[str]:
    """Yield the lines of a table of the submitted rows."""
    yield "| task | method | grokked | speed-up | Holm p | uses beyond the baseline |"
    yield "|---|---|---|---|---|---|"
    keys = {cell.key for cell in cells}
    for row in pipeline.judge(store).rows:
        if (row.task, row.regularizer) in keys:
            speedup = "-" if row.speedup_valid_end is None else times(row.speedup_valid_end, row.speedup_bound)
            p = "-" if row.p_holm is None else number(row.p_holm)
            uses = markdown(", ".join(row.privileges)) or "-"
            grokked = f"{row.grokked}/{row.seeds}"
            yield f"| {markdown(row.task)} | {markdown(row.regularizer)} | {grokked} | {speedup} | {p} | {uses} |"


def _methods(store: Store, cells: Sequence[Cell]) -> Iterator[str]:
    """Yield a line for each submitted method: its plugins with their digests, and its entry of a suite."""
    try:
        entries = {label: entry for each in added_methods(store.manifest, set()) for label, entry in each.items()}
    except SuiteError:
        entries = {}
    for label in dict.fromkeys(cell.regularizer for cell in cells):
        cell = next(cell for cell in cells if cell.regularizer == label)
        made = [
            f"{use.name} ({cell.origins[f'regularizers.{use.name}'].with_digest})" for use in cell.recipe.regularizers
        ]
        entry = json_lines.dump(entries.get(label, {})).decode().strip()
        yield f"- {markdown(label)}: {markdown(listed(made))}; `{entry.replace('`', '')}`"
