"""Holm's correction over the families that a suite declared: its comparisons with baselines and by `compare_to`.

A family consists of the comparisons that the suite declared before it ran, whether or not they have finished or are
still planned (`records.families`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from grokbench.judging.comparison import Comparison, Comparisons
from grokbench.judging.effects import Effect, effect, obstacle
from grokbench.judging.looks import effects_at_looks, is_tested
from grokbench.judging.outcomes import Measured
from grokbench.records import Manifest, Pair, Statistics
from grokbench.records.families import Families, families
from grokbench.stats import holm
from grokbench.stats.group_sequential import sequential_p

__all__ = ["Correction", "Judgement", "correct", "stopped"]

Key = tuple[Pair, int]  # two recipes, and the budget of their comparison


@dataclass(frozen=True)
class Judgement:
    """The corrected p of one comparison, and the family over which it is corrected.

    Attributes:
        pair: the identities of the method's cell and of the cell with which it is compared.
        family: the number of the family, from 1; None if both recipes are equal, because there is nothing to test.
        tests: the number of comparisons over which the p is corrected.
        p: the p that decides, adjusted for the looks and by Holm; None if nothing is adjusted, or there is no p.
        sequential: the p of the group-sequential design, before Holm; None without declared looks.
        decided_at: the number of seeds at the first look at which the comparison was significant; None if there was no
            such look.
        favours: above 0 if the test that decided favours the method, below 0 if it favours the other cell; None without
            a test.
        counted_with: the name of another comparison of the same two recipes that is counted instead of this one. Empty
            if this one is counted.
    """

    pair: Pair
    family: int | None = None
    tests: int = 0
    p: float | None = None
    sequential: float | None = None
    decided_at: int | None = None
    favours: float | None = None
    counted_with: str = ""

    def deciding(self, found: Effect, statistics: Statistics) -> float | None:
        """Select the p that decides on significance: `p` if the suite adjusts, otherwise the p of the deciding test.

        Args:
            found: the effect of the method.
            statistics: the statistics of the suite.
        """
        return statistics.deciding(found.p_deciding(statistics), self.p)


@dataclass(frozen=True)
class Correction:
    """The judgements of all comparisons.

    Attributes:
        families: the declared families.
        rows: for each cell, in order, the judgement of its comparison with the baseline; None for a baseline.
        others: for each cell, the judgements of its comparisons with other cells (`Comparison.others`).
        absent: number of a family -> names of its comparisons that are no longer planned.
    """

    families: Families
    rows: Sequence[Judgement | None]
    others: Sequence[Sequence[Judgement]]
    absent: Mapping[int, Sequence[str]]


@dataclass(frozen=True)
class _Member:
    """One comparison of a family: its p and direction at each look that it has reached, or at the only test."""

    name: str
    looks: tuple[int, ...] = ()
    p: tuple[float | None, ...] = ()
    favours: tuple[float, ...] = ()

    def until(self, look: int) -> "_Member":
        """Return the comparison without the looks after this one."""
        kept = sum(n <= look for n in self.looks)
        return replace(self, looks=self.looks[:kept], p=self.p[:kept])

    def sequential(self, statistics: Statistics) -> float | None:
        """Return the p of the design; without declared looks, the p of the test."""
        if not any(p is not None for p in self.p):
            return None
        return sequential_p(statistics.interim_looks, self.p) if statistics.interim_looks else self.p[0]

    def direction(self, decided_at: int | None) -> float | None:
        """Return the direction at the look that decided, or at the last look if none did."""
        if decided_at in self.looks:
            return self.favours[self.looks.index(decided_at)]
        return self.favours[-1] if self.favours else None


def correct(comparisons: Comparisons) -> Correction:
    """Correct the deciding p of every comparison that was declared, finished or not.

    Args:
        comparisons: the comparisons, with the history of their folder. Without a history, the manifest alone declares
            the family.
    """
    declared = families(comparisons.history.ledger, comparisons.manifest)
    declared.enter_withdrawn(comparisons.manifest)
    by_key = {each.measured.cell.key: each.measured for each in comparisons.cells}
    compared = [list(_compared(each, by_key, comparisons.manifest)) for each in comparisons.cells]
    present: dict[Key, _Member] = {}
    for each, mine in zip(comparisons.cells, compared, strict=True):
        for key, other, found, name in mine:
            if key[0][0] != key[0][1] and key not in present:
                present[key] = _member(name, other, each.measured, found, comparisons.manifest)
    judged, absent = _judge(present, declared, comparisons)
    judgements = [[_judgement(judged, key, name) for key, _, _, name in mine] for mine in compared]
    against = [
        None if each.is_baseline else mine.pop(0) for each, mine in zip(comparisons.cells, judgements, strict=True)
    ]
    return Correction(declared, against, judgements, absent)


def _judgement(judged: Mapping[Key, Judgement], key: Key, name: str) -> Judgement:
    """Look up the judgement of a comparison, without `counted_with` if the comparison itself is counted."""
    found = judged.get(key, Judgement(key[0]))
    return replace(found, counted_with="") if found.counted_with == name else found


def stopped(each: Comparison, decided_at: int | None, manifest: Manifest) -> Comparison:
    """Give a row that was stopped at a significant look the effect at this look; return any other row unchanged.

    Args:
        each: the row.
        decided_at: the number of seeds at the first look at which its comparison was significant; None if there was no
            such look.
        manifest: the plan.
    """
    if decided_at is None or each.effect is not None or each.measured.complete:
        return each
    found = dict(effects_at_looks(each.baseline, each.measured, manifest))
    return replace(each, effect=found[decided_at], obstacle=None)


def _compared(
    each: Comparison, by_key: Mapping[tuple[str, str], Measured], manifest: Manifest
) -> Iterator[tuple[Key, Measured | None, Effect | None, str]]:
    """Yield the comparisons of a cell as key, other cell, effect and name: first that with the baseline, if any."""
    cell = each.measured.cell
    labels = [] if each.is_baseline else [(manifest.baseline, each.effect, cell.name)]
    labels += [(other.label, other.effect, f"{cell.name} against {other.label}") for other in each.others]
    for label, found, name in labels:
        other = by_key.get((cell.task, label))
        yield ((cell.identity, other.cell.identity if other else ""), cell.budget), other, found, name


def _member(name: str, other: Measured | None, method: Measured, found: Effect | None, manifest: Manifest) -> _Member:
    statistics = manifest.statistics
    if statistics.interim_looks:
        looks = list(effects_at_looks(other, method, manifest))
        effects = [each for _, each in looks]
    else:
        looks, effects = [], [found] if found and is_tested(manifest) else []
    return _Member(
        name=name,
        looks=tuple(n for n, _ in looks),
        p=tuple(each.p_deciding(statistics) for each in effects),
        favours=tuple(each.favours[each.deciding(statistics.primary)] for each in effects),
    )


def _judge(
    present: Mapping[Key, _Member], declared: Families, comparisons: Comparisons
) -> tuple[dict[Key, Judgement], dict[int, list[str]]]:
    """Judge the planned comparisons, each in its family; also return the names of comparisons no longer planned."""
    statistics = comparisons.manifest.statistics
    judged, absent = dict[Key, Judgement](), dict[int, list[str]]()
    for number, family in enumerate(declared.members, 1):
        keys = [key for key in present if key[0] in family]
        gone = [pair for pair in family if pair not in {pair for pair, _ in keys}]
        absent[number] = [family[pair] for pair in gone]
        members = [present[key] for key in keys] + [_withdrawn(family[pair], pair, comparisons) for pair in gone]
        adjusted, decided = _adjusted(members, statistics), _decided(members, statistics)
        for i, key in enumerate(keys):
            p = members[i].sequential(statistics)
            judged[key] = Judgement(
                pair=key[0],
                family=number,
                tests=statistics.tests(len(members)),
                p=adjusted[i] if statistics.adjusts else None,
                sequential=p if statistics.interim_looks else None,
                decided_at=decided[i],
                favours=members[i].direction(decided[i]),
                counted_with=members[i].name,
            )
    return judged, absent


def _withdrawn(name: str, pair: Pair, comparisons: Comparisons) -> _Member:
    """Compare two cells of which at least one is no longer planned; there is no p if they cannot be compared."""
    manifest = comparisons.manifest
    cells = (*(each.measured for each in comparisons.cells), *comparisons.withdrawn)
    by_identity = {each.cell.identity: each for each in reversed(cells)}
    method, other = (by_identity.get(identity) for identity in pair)
    if method is None:
        return _Member(name)
    found = None
    if other is not None and obstacle(other, method) is None:
        found = effect(other, method, manifest.statistics.confidence)
    return _member(name, other, method, found, manifest)


def _adjusted(members: Iterable[_Member], statistics: Statistics) -> list[float | None]:
    p_values = [member.sequential(statistics) for member in members]
    return list(holm(p_values)) if statistics.correction == "holm" else p_values


def _decided(members: Sequence[_Member], statistics: Statistics) -> list[int | None]:
    """Return the first look at which each comparison was significant; None for a comparison that never was."""
    decided: list[int | None] = [None] * len(members)
    for look in statistics.interim_looks:
        adjusted = _adjusted([member.until(look) for member in members], statistics)
        for i, p in enumerate(adjusted):
            if decided[i] is None and look in members[i].looks and p is not None and p <= statistics.alpha:
                decided[i] = look
    return decided
