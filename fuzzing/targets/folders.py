"""The files of a results folder. A mutated file is read as commands do: the folder is judged and shown."""

import json
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

from fuzzing.targets import Target
from fuzzing.targets.results import Results, make_results

__all__ = ["curves", "ledger", "manifests", "outcomes", "packed_timings", "runs", "timings"]


DRAWN = 8  # one in this many inputs is also drawn, which takes ten times as long as everything else; 0: none


def show(folder: Path, draw: bool) -> None:
    """Read a results folder as the commands that show one do.

    Args:
        folder: the folder.
        draw: also make the specifications of the figures, but no images.
    """
    from grokbench.judging.compare_folders import contrast
    from grokbench.judging.comparison import compare
    from grokbench.judging.evidence import gather
    from grokbench.judging.seconds import costs
    from grokbench.report.charts import FIGURES, Sheet, drawings
    from grokbench.report.methods import paragraphs
    from grokbench.report.text import folder_comparison, render
    from grokbench.report.text import seconds as seconds_text
    from grokbench.runner.pipeline import judge
    from grokbench.store import Store, status

    store = Store.load(folder)
    judged, timings = judge(store), store.timings()
    for style in ("table", "json", "latex"):
        render(judged, style)
    found = compare(store.manifest, store.runs(), timings, history=store.history())
    seconds_text.render(list(costs(found)), "title", timings, "table")
    paragraphs(found)
    folder_comparison.render(contrast(store, store), "table")
    for text in (*status.describe(store), *status.tracebacks(store)):
        str(text)
    status.unplanned(store)
    if draw:
        sheet = Sheet(gather(store))
        for figure in FIGURES:
            list(drawings(sheet, figure))


def manifests(folder: Path) -> Target:
    """Make the target `manifest.json`.

    Args:
        folder: an empty folder.
    """
    made = make_results(folder)
    return _target(made.folder, made.folder / "manifest.json", _mend_identities)


def runs(folder: Path) -> Target:
    """Make the target of a replica's file.

    Args:
        folder: an empty folder.
    """
    made = make_results(folder)
    return _target(made.folder, made.run, _mend_length)


def ledger(folder: Path) -> Target:
    """Make the target `ledger.jsonl`.

    Args:
        folder: an empty folder.
    """
    made = make_results(folder)
    return _target(made.folder, made.folder / "ledger.jsonl")


def timings(folder: Path) -> Target:
    """Make the target of the file with a cell's seconds.

    Args:
        folder: an empty folder.
    """
    made = make_results(folder)
    return _target(made.folder, made.folder / "timings" / f"{made.cell.identity}.json")


def outcomes(folder: Path) -> Target:
    """Make the target `outcomes.jsonl` of a packed folder.

    Args:
        folder: an empty folder.
    """
    return _target(packed := _packed(make_results(folder), folder), packed / "outcomes.jsonl")


def curves(folder: Path) -> Target:
    """Make the target `curves.jsonl` of a packed folder.

    Args:
        folder: an empty folder.
    """
    return _target(packed := _packed(make_results(folder), folder), packed / "curves.jsonl")


def packed_timings(folder: Path) -> Target:
    """Make the target `timings.jsonl` of a packed folder.

    Args:
        folder: an empty folder.
    """
    return _target(packed := _packed(make_results(folder), folder), packed / "timings.jsonl")


def _target(folder: Path, file: Path, mend: Callable[[bytes], bytes] = bytes) -> Target:
    """Make the target of one file in a folder; the reader writes the input to this file and shows the folder."""
    sound = file.read_bytes()

    def read(data: bytes) -> None:
        file.write_bytes(data)
        show(folder, draw=DRAWN > 0 and crc32(data) % DRAWN == 0)

    return Target(read, (sound,), "json", mend)


def _packed(made: Results, folder: Path) -> Path:
    from grokbench.store import Store
    from grokbench.store.packs import packed

    store = Store.load(made.folder)
    (folder / "packed").mkdir()
    for name, content in packed(store.manifest, store.each_run(True), store.timings()).items():
        (folder / "packed" / name).write_bytes(content)
    return folder / "packed"


def _mend_identities(data: bytes) -> bytes:
    """Give the cells of a manifest the identities that follow from their recipes."""
    from grokbench.plan import identity

    file = json.loads(data)
    for cell in file["manifest"]["cells"]:
        cell["identity"] = identity(cell["recipe"])
    return json.dumps(file).encode()


def _mend_length(data: bytes) -> bytes:
    """Correct the length of a replica's curves in its first line."""
    head, curves = data.split(b"\n", maxsplit=1)
    return json.dumps(json.loads(head) | {"curves_bytes": len(curves)}).encode() + b"\n" + curves
