"""Results folders whose suite is edited between runs: families of comparisons, looks and parts of the seeds."""

from dataclasses import replace

from grokbench.records import Manifest, Statistics
from grokbench.runner import pipeline
from grokbench.store import Store

from .result_folders import HERE, a_cell, a_run

SEVEN = tuple(range(1000, 1007))
SLOW = (100, 110, 120, 130, 140, 150, 160)
METHODS = {name: tuple(at - less for at in SLOW) for name, less in (("a", 40), ("b", 30), ("c", 20), ("d", 10))}
CELLS = {name: a_cell(name) for name in ("baseline", *METHODS, "e")}
TIMES = {CELLS[name].identity: times for name, times in {"baseline": SLOW, **METHODS, "e": METHODS["a"]}.items()}


def planned(*labels, seeds=SEVEN, cells=None, **facts):
    cells = cells or [CELLS[label] for label in ("baseline", *labels)]
    execution = {key: HERE[key] for key in ("device", "precision", "engine")}
    return Manifest("tiny", "", "baseline", tuple(seeds), tuple(cells), execution=execution, **facts)


def run(folder, manifest, only=None):
    """Save what `grokbench run` saves of a suite: the missing replicas, and a look."""
    with Store.open(folder, manifest) as store:
        for cell in manifest.cells:
            for seed in manifest.seeds if only is None or cell.regularizer in only else ():
                if store.run_of(cell, seed) is None:
                    store.save(a_run(cell, seed, TIMES.get(cell.identity, METHODS["b"])[seed % 1000]))
        store.look()
    return rows(folder)


def rows(folder):
    return {row.regularizer: row for row in pipeline.judge(Store.load(folder)).rows}


def edited(directory):
    """A folder with a note for every kind of change after a look."""
    twin, copy = replace(CELLS["a"], regularizer="twin"), replace(CELLS["baseline"], regularizer="copy")
    run(directory, planned("a", "b", seeds=SEVEN[:6]))
    cells = [CELLS[name] for name in ("baseline", "a", "c")] + [twin, copy]
    run(directory, planned(cells=cells, statistics=Statistics(alpha=0.1)))
    return directory


def in_part(directory, number):
    """A folder of a group-sequential design with `number` of its seven seeds; a look is made at 6."""
    design = Statistics(interim_looks=(6, 7), alpha=0.2)
    run(directory, planned("a", "d", seeds=SEVEN[:number], statistics=design, declared_seeds=SEVEN))
    return directory
