"""Tests at the declared looks of a group-sequential design; on any other part of the seeds nothing is tested."""

from collections.abc import Iterator
from dataclasses import replace

from grokbench.judging.effects import Effect, effect, obstacle
from grokbench.judging.outcomes import Measured
from grokbench.records import Manifest, Statistics
from grokbench.stats.group_sequential import undecidable

__all__ = ["at_look", "effects_at_looks", "idle_looks", "is_tested", "untested"]


def idle_looks(statistics: Statistics, tests: int) -> list[int]:
    """List the declared looks with too few pairs for any comparison to be significant.

    Args:
        statistics: the statistics of the suite.
        tests: the number of tests over which a p is corrected.
    """
    looks = statistics.interim_looks
    exact = statistics.primary != "paired_t"  # because this test has no smallest p
    return undecidable(looks, statistics.alpha / max(tests, 1)) if looks and exact else []


def is_tested(manifest: Manifest) -> bool:
    """Return whether a folder is tested: its seeds are all seeds of the suite, or exactly those of a declared look."""
    looked = any(_seeds_of(n, manifest) == set(manifest.seeds) for n in manifest.statistics.interim_looks)
    return looked or not manifest.unfinished


def untested(found: Effect) -> Effect:
    """Return the effect without any p, as a description."""
    return replace(found, p=dict.fromkeys(found.p))


def effects_at_looks(baseline: Measured | None, method: Measured, manifest: Manifest) -> Iterator[tuple[int, Effect]]:
    """Yield the effect at each declared look that both cells have reached, on the first seeds of the suite.

    Args:
        baseline: the baseline's cell; None if the suite plans none for the task.
        method: another cell of the task.
        manifest: the plan, with the declared looks.
    """
    for n in manifest.statistics.interim_looks:
        if baseline is None or not _seeds_of(n, manifest) <= set(manifest.seeds):
            return
        before, after = at_look(baseline, n, manifest), at_look(method, n, manifest)
        if obstacle(before, after) is not None:
            return
        yield n, effect(before, after, manifest.statistics.confidence)


def at_look(measured: Measured, look: int, manifest: Manifest) -> Measured:
    """Select the replicas of the suite's first seeds, as many as a look has.

    Args:
        measured: a cell with the replicas of all seeds of the folder.
        look: the number of seeds.
        manifest: the plan.
    """
    wanted = _seeds_of(look, manifest)
    runs = zip(measured.runs, manifest.seeds, strict=True)
    return replace(measured, runs=tuple(run for run, seed in runs if seed in wanted))


def _seeds_of(look: int, manifest: Manifest) -> set[int]:
    return set(manifest.full_seeds[:look])
