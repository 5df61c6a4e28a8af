"""Notes on the design of a comparison: its family, its looks, and what was changed after a look."""

from collections.abc import Iterable, Iterator
from typing import Any

from grokbench.judging.comparison import Comparison, Comparisons
from grokbench.judging.holm import Correction, Judgement
from grokbench.judging.looks import is_tested
from grokbench.judging.note import Kind, Note, caution, info
from grokbench.records import Declaration, Look, Manifest, Statistics
from grokbench.seeds import format_seeds
from grokbench.stats import smallest_p
from grokbench.text.lists import listed, plural

__all__ = ["design_notes"]

CHANGED = (  # fields of `Statistics` that nobody should choose after a look
    "primary",
    "alpha",
    "correction",
    "confidence",
    "rank_by",
    "equivalence",
    "interim_looks",
)
NAMED = 5  # most comparisons that are named


def design_notes(each: Comparison, judged: Judgement, corrected: Correction, found: Comparisons) -> Iterator[Note]:
    """Yield the notes on the design of a row's comparison with its baseline.

    Args:
        each: the row's cell, compared with its baseline.
        judged: the corrected p of this comparison, see `Judgement`.
        corrected: the corrected p's of all comparisons.
        found: the comparisons of the folder.
    """
    manifest = found.manifest
    if each.is_copy:
        yield info(Kind.COPY_OF_BASELINE, f"the recipe of {manifest.baseline}: there is nothing to test")
        return
    if judged.counted_with and manifest.statistics.correction == "holm":
        text = f"the recipe of {judged.counted_with}: both count once in Holm's family"
        yield info(Kind.COUNTED_ONCE, text, judged.counted_with)
    if each.effect is None:
        return
    yield from _part_of_seeds(manifest)
    yield from _decided(each, judged, manifest)
    if judged.deciding(each.effect, manifest.statistics) is None:
        return
    yield from _family_notes(judged, corrected, found)
    yield from _looks(judged, found)
    yield from _changes(corrected.families.before, Declaration.of(manifest), each.measured.cell.task)


def _part_of_seeds(manifest: Manifest) -> Iterator[Note]:
    if is_tested(manifest):
        return
    looks, full = manifest.statistics.interim_looks, manifest.full_seeds
    held = sum(seed in full for seed in manifest.seeds)
    text = f"{held} of the suite's {plural(len(full), 'seed')}: estimates, "
    if looks:
        text += f"no test but at the declared looks ({listed(looks)} seeds)"
    else:
        text += "no test before all have run; declare interim_looks to look early"
    yield caution(Kind.PART_OF_SEEDS, text, held, len(full), looks)


def _decided(each: Comparison, judged: Judgement, manifest: Manifest) -> Iterator[Note]:
    look = judged.decided_at
    if look is None or look >= len(manifest.full_seeds):
        return
    yield info(Kind.DECIDED_AT_LOOK, f"decided at the look at {look} seeds", look)
    if len(each.measured.finished) < len(manifest.full_seeds):
        text = "a comparison that stops when it is significant overestimates the effect on average"
        yield caution(Kind.STOPPED_AT_LOOK, text)


def _family_notes(judged: Judgement, corrected: Correction, found: Comparisons) -> Iterator[Note]:
    """Yield the notes on a family that was declared after a look, and on a family with withdrawn comparisons."""
    number = judged.family or 1
    if number > 1:
        first = len(corrected.families.members[0])
        since = plural(judged.tests, "comparison")
        own = f": Holm's correction is over the {since} added since, not over the {first} before"
        text = f"added after a look, in family {number}{own if found.manifest.statistics.correction == 'holm' else ''}"
        yield caution(Kind.LATER_FAMILY, text, number, judged.tests, first)
    names = list(corrected.absent.get(number, ()))
    if names and found.manifest.statistics.correction == "holm":
        runs = sum(len(each.finished) for each in found.withdrawn)
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        text = (
            f"{plural(len(names), 'comparison')} that the suite declared before a look and has no longer "
            f"{'stays' if len(names) == 1 else 'stay'} in Holm's family: {', '.join(names[:NAMED])}{more}; "
            f"{plural(runs, 'run')} of withdrawn cells {'lies' if runs == 1 else 'lie'} in the folder"
        )
        yield caution(Kind.WITHDRAWN, text, number, tuple(names), runs)


def _looks(judged: Judgement, found: Comparisons) -> Iterator[Note]:
    """Name the looks at fewer seeds that were not declared and could have found something."""
    statistics, now = found.manifest.statistics, len(found.manifest.seeds)
    events = (event for event in found.history.ledger.events if isinstance(event, Look))
    before = sorted({event.seeds for event in events if event.seeds < now and event.judged(judged.pair)})
    undeclared = [n for n in before if n not in statistics.interim_looks and _could_decide(n, statistics)]
    if undeclared:
        text = f"looked at with {listed(undeclared)} seeds before; p does not allow for that"
        yield caution(Kind.LOOKED_BEFORE, text, *undeclared)


def _could_decide(pairs: int, statistics: Statistics) -> bool:
    return pairs > 1 if statistics.primary == "paired_t" else smallest_p(pairs) <= statistics.alpha


def _changes(before: Iterable[Declaration], now: Declaration, task: str) -> Iterator[Note]:
    """Yield a note with both values for each setting that was declared differently when a replica finished."""
    declared, present = [_facts(each, task) for each in before], _facts(now, task)
    for name, value in present.items():
        others = list(dict.fromkeys(facts[name] for facts in declared if name in facts and facts[name] != value))
        if others:
            text = f"{name} {_words(value)}, and {' and '.join(map(_words, others))} at an earlier look"
            yield caution(Kind.CHANGED_AFTER_LOOK, f"changed after a look: {text}", name, value, *others)


def _facts(declared: Declaration, task: str) -> dict[str, Any]:
    facts = {name: getattr(declared.statistics, name) for name in CHANGED}
    mine = [cell for cell in declared.cells if cell.task == task and cell.budget is not None]
    if mine:
        facts |= {f"budget of {task}": mine[0].budget, f"evaluate_every of {task}": mine[0].evaluate_every}
    return facts | {"seeds": format_seeds(declared.seeds)}


def _words(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]" if value else "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
