"""The output of the workers of a cell: notices, tracebacks of failed replicas, and the ends of log files."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from grokbench.errors import SuiteError
from grokbench.io.files import file_size, open_file
from grokbench.records import Cell, Run
from grokbench.seeds import format_seeds
from grokbench.store import Store
from grokbench.store.running import utc
from grokbench.store.status import alike
from grokbench.text.escape import printable
from grokbench.text.suggest import did_you_mean

__all__ = ["cell_named", "paragraphs"]

LOG_NAME = re.compile(r"[0-9]+(_[0-9]+)*_log\.out")  # as submitit names the logs of Slurm's jobs
TAIL_BYTES = 2**20  # most bytes of a log file that are read, from its end


def cell_named(store: Store, name: str) -> Cell:
    """Return the cell with a name such as `sparse_parity / baseline`; blanks around the slash do not count.

    Args:
        store: the results folder.
        name: the labels of a task and a regularizer.

    Raises:
        SuiteError: the folder plans no such cell.
    """
    cells = {_plain(cell.name): cell for cell in store.manifest.cells}
    if _plain(name) not in cells:
        raise SuiteError(
            f"{store.directory} plans no cell {printable(name)!r}, expected a task and a regularizer such as "
            f"{printable(next((cell.name for cell in cells.values()), 'task / regularizer'))!r}"
            f"{did_you_mean(_plain(name), list(cells))}"
        )
    return cells[_plain(name)]


def _plain(name: str) -> str:
    return "/".join(part.strip() for part in name.split("/"))


def paragraphs(store: Store, cell: Cell, lines: int) -> Iterator[str]:
    """Yield printable paragraphs, oldest first: notices, notes of runs, tracebacks, and log files of running jobs.

    Args:
        store: the results folder.
        cell: the cell.
        lines: the most lines of a log file, from its end.
    """
    for notice in store.notices.of(cell.identity):
        yield printable(f"{utc(notice.at)}, {notice.host}: {notice.text}")
    runs = store.runs_of(cell, store.manifest.seeds)
    yield from _notes(runs)
    for error, seeds in alike(runs).items():
        yield "\n".join(map(printable, [f"{cell.name}, {seeds} failed:", *error.splitlines()]))
    for file in log_files(store, cell):
        yield "\n".join(map(printable, [f"{file}:", *(_tail(Path(file), lines) or ["cannot be read here"])]))


def _notes(runs: Iterable[Run]) -> Iterator[str]:
    """Yield each remark that the workers recorded in the provenance of runs, with its seeds."""
    seeds: dict[str, list[int]] = {}
    for run in runs:
        if note := run.provenance.get("pace"):
            seeds.setdefault(str(note), []).append(run.seed)
    yield from (printable(f"seeds {format_seeds(many)}: {note}") for note, many in seeds.items())


def log_files(store: Store, cell: Cell) -> list[str]:
    """List the log files of the workers that train a cell now; a record that names another file is not followed."""
    activity = store.activity.read()
    jobs = activity.jobs if activity else ()
    logs = (job.log for job in jobs if job.cell == cell.identity and LOG_NAME.fullmatch(Path(job.log).name))
    return list(dict.fromkeys(logs))


def _tail(file: Path, lines: int) -> list[str]:
    """Return the last lines of a file; none if it cannot be read."""
    try:
        with open_file(file) as opened:
            opened.seek(max(0, file_size(opened) - TAIL_BYTES))
            return opened.read(TAIL_BYTES).decode(errors="replace").splitlines()[-lines:]
    except (OSError, ValueError):
        return []
