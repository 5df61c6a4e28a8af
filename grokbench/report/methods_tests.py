"""The sentences of a methods section on tests: the tests, their families, and their looks."""

from collections.abc import Iterator

from grokbench.judging.comparison import Comparisons
from grokbench.judging.conclusions import power_notes
from grokbench.judging.looks import is_tested
from grokbench.records.families import families
from grokbench.report.text.prose import TESTS, named_test
from grokbench.text.lists import listed, plural

__all__ = ["tests"]


def tests(found: Comparisons) -> Iterator[str]:
    """Yield sentences on the test, its correction, and the declared looks; without a test, yield the reason.

    Args:
        found: a folder with at least one planned comparison.
    """
    manifest, chosen, pairs = found.manifest, found.manifest.statistics, len(found.manifest.seeds)
    if not is_tested(manifest):
        full = plural(len(manifest.full_seeds), "seed")
        yield f"The suite declares {full}: no test is made on {plural(pairs, 'pair')}."
        return
    first, *later = [len(family) for family in families(found.history.ledger, manifest).members] or [0]
    family = plural(first, "planned comparison")
    corrected = f"corrected by Holm over {family}" if chosen.correction == "holm" else f"uncorrected for {family}"
    for size in later:
        corrected += f" and separately over {size} added after a look" if chosen.correction == "holm" else ""
    yield (
        f"A method is tested against the baseline by the {named_test(chosen.primary, pairs)}, two-sided, on "
        f"{plural(pairs, 'pair')}, {corrected}, at the level {chosen.alpha:g}."
    )
    if any(each.effect and each.effect.bound for each in found.cells):
        yield f"Where a seed did not grok in either of two rows, the test is the {TESTS['misses_last']}."
    if chosen.interim_looks:
        yield (
            f"The design is group-sequential, with looks at {listed(chosen.interim_looks)} seeds and alpha spending by "
            "Lan and DeMets, of O'Brien and Fleming's type."
        )
    yield from (f"{note}." for note in power_notes(manifest, chosen.tests(first)))
