"""Notes on the data that the runs of a cell were trained on."""

from collections.abc import Iterator, Sequence

from grokbench.data.published import PUBLISHED, unverified
from grokbench.judging.note import Kind, Note, caution
from grokbench.judging.outcomes import Measured
from grokbench.records import Run
from grokbench.text.lists import listed, plural

__all__ = ["other_data_notes", "unverified_data", "unverified_note"]


def unverified_data(measured: Measured) -> tuple[str, ...]:
    """Name the data sets that finished runs of a cell have read and that are not the published ones.

    Runs of earlier versions recorded no digests, so nothing is known about their data.

    Args:
        measured: the cell.
    """
    return tuple(sorted({name for run in measured.finished for name in unverified(run.provenance.get("data") or {})}))


def unverified_note(measured: Measured) -> Iterator[Note]:
    """Yield a caution if a run read a data set that is not the published one.

    Args:
        measured: the cell.
    """
    if names := unverified_data(measured):
        text = f"unverified data: not the published {listed([PUBLISHED[name].title for name in names])}"
        yield caution(Kind.UNVERIFIED_DATA, text, *names)


def other_data_notes(pairs: Sequence[tuple[Run, Run]]) -> Iterator[Note]:
    """Yield a caution for each data set whose content differs within a pair of runs.

    Args:
        pairs: finished runs of the baseline and of a method, by seed.
    """
    recorded = [(a.provenance.get("data") or {}, b.provenance.get("data") or {}) for a, b in pairs]
    for name in sorted({name for a, b in recorded for name in a.keys() & b.keys()}):
        differing = [(a[name], b[name]) for a, b in recorded if name in a and name in b and a[name] != b[name]]
        if differing:
            there, here = (digest[:16] for digest in differing[0])
            seeds = plural(len(differing), "seed")
            text = f"{name} differs from the baseline's on {seeds} ({here}, not {there}): compare with care"
            yield caution(Kind.PROVENANCE_DIFFERS, text, f"data of {name}", len(differing), here, there)
