"""Where the numbers of a folder were made, in sentences: hardware, precision, versions, and what seconds are of."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from grokbench.judging.comparison import Comparisons
from grokbench.records import Run, Timing
from grokbench.text.lists import either, listed, plural

__all__ = ["computation"]

VERSIONS = ("grokbench", "torch", "numpy", "scipy", "python")
FACTS = {
    "device_name": "the device",
    "machine": "the machine",
    "precision": "the precision",
    "torch": "the version of torch",
}


def computation(found: Comparisons) -> Iterator[str]:
    """Of the runs that finished, and of the timings."""
    runs = [run for each in found.cells for run in each.measured.finished]
    if not runs:
        yield "No network has finished, so that nothing is recorded of a machine."
        return
    origins = [run.provenance for run in runs]
    yield from _hardware(origins)
    yield from _versions(origins)
    yield from _together(runs)
    yield from _seconds([each.measured.timings for each in found.cells])
    if unknown := [words for key, words in FACTS.items() if any(origin.get(key) is None for origin in origins)]:
        yield f"Not recorded for every network: {listed(unknown)}."


def _hardware(origins: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    places = either((f"{o['device_name']} ({o.get('device')})" for o in origins if o.get("device_name")), "and")
    machines = either((o["machine"] for o in origins if o.get("machine")), "and")
    precision = either((o["precision"] for o in origins if o.get("precision")), "and")
    if places:
        where = f", on a machine with {machines}" if machines else ""
        yield f"Networks were trained on {places}{where}{f', in {precision}' if precision else ''}."


def _versions(origins: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    known = {name: either((o[name] for o in origins if o.get(name)), "and") for name in VERSIONS}
    if versions := [f"{name.replace('python', 'Python')} {value}" for name, value in known.items() if value]:
        yield f"Versions: {listed(versions)}."
    states = [o["git"] for o in origins if isinstance(o.get("git"), Mapping) and "commit" in o["git"]]
    if commits := either((str(state["commit"])[:10] for state in states), "and"):
        changed = " with uncommitted changes in part" if any(state.get("dirty") for state in states) else ""
        unknown = len(origins) - len(states)
        beside = f", and not known for {plural(unknown, 'network')} of {len(origins)}" if unknown else ""
        yield f"Commits of grokbench: {commits}{changed}{beside}."


def _together(runs: Sequence[Run]) -> Iterator[str]:
    largest = max(len(run.group) for run in runs)
    if largest > 1:
        yield f"Networks of a cell were trained together, up to {largest} at a time; that changes rounding only."


def _seconds(timings: Sequence[Iterable[Timing]]) -> Iterator[str]:
    """How seconds per epoch were measured, where they were."""
    measured = [each for cell in timings for each in cell]
    if not measured:
        yield "Seconds were not measured."
        return
    rounds = either(len(each.seconds_per_epoch) for each in measured)
    places = either(name for each in measured if (name := each.provenance.get("device_name")))
    threads = " on a single thread" if {each.provenance.get("device") for each in measured} == {"cpu"} else ""
    yield (
        f"Seconds per epoch were measured apart{f' on {places}' if places else ''}: one network alone{threads}, "
        f"evaluation excluded, the median of {rounds} rounds in which the methods of a task took turns."
    )
    yield "Seconds to grok are these times the mean epochs, plus what a method does before training."
    if untimed := sum(not list(cell) for cell in timings):
        yield f"They are not known for {plural(untimed, 'cell')} of {len(timings)}."
