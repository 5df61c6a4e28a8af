"""Notes that compare published numbers with ours."""

from collections.abc import Iterator, Mapping

from grokbench.judging.effects import Effect
from grokbench.judging.note import Kind, Note, info
from grokbench.judging.verdicts import LEAST_SEEDS, PublishedRatio, Reproduction, excluded, seeds_to_settle
from grokbench.text.lists import plural
from grokbench.text.numbers import figure, interval

__all__ = ["metric_notes", "published_note"]

MANY = 10_000  # seeds; a larger number is not stated exactly
WORDS = {  # words for a verdict in a sentence, if its name says too little
    Reproduction.CONSISTENT: "consistent, as no effect would be too",
    Reproduction.NO_EFFECT: "no effect shown in the ratio of means, and the published ratio is excluded",
}
OPEN = (Reproduction.CONSISTENT, Reproduction.INCONCLUSIVE)


def published_note(published: PublishedRatio, effect: Effect | None, verdict: Reproduction, seeds: int) -> Note:
    """Make a note that compares our ratio of means with the published one.

    Args:
        published: the published ratio.
        effect: our effect; None while the row is incomplete.
        verdict: the result of `verdicts.verdict`.
        seeds: the number of pairs behind our effect; a note on an open verdict says how many seeds would settle it.
    """
    ours = "ours is not known yet"
    if effect is not None and effect.of_means is not None:
        shown = interval(effect.of_means, effect.of_means_low, effect.of_means_high, effect.bound)
        ours = f"our ratio of means is {shown}"
    more = ""
    if verdict is not Reproduction.NO_EFFECT and excluded(published, effect):
        more = "; the published ratio lies outside our interval"
    more += _settling(published, effect, seeds) if verdict in OPEN else ""
    words, theirs = WORDS.get(verdict, verdict.value), interval(published.value, *published.ends)
    name = "ratio of the published means" if published.of_means else "published ratio"
    text = f"{words}: the {name} is {theirs}, {ours}{more}"
    return info(Kind.PUBLISHED_VERDICT, text, verdict, published.value, effect.of_means if effect else None, seeds)


def _settling(published: PublishedRatio, effect: Effect | None, seeds: int) -> str:
    if seeds < LEAST_SEEDS:
        return f"; a verdict needs all seeds of the suite, and at least {LEAST_SEEDS}"
    if effect is None:
        return ""
    if effect.bound:
        return "; seeds that did not grok leave it open, and a longer budget may settle it"
    needed = seeds_to_settle(published, effect, seeds)
    if needed is not None and needed > MANY:
        return f"; more than {MANY} seeds would settle it"
    return f"; about {plural(needed, 'seed')} would settle it" if needed and needed > seeds else ""


def metric_notes(published: Mapping[str, float], final: Mapping[str, float | None]) -> Iterator[Note]:
    """Yield a note for each metric of a row with a published final value.

    Args:
        published: metric -> the published value.
        final: metric -> our mean at the last evaluation; None if it is not finite.
    """
    for label, theirs in published.items():
        ours = final.get(label)
        shown = "ours is not known yet" if ours is None else f"ours {figure(ours)} (mean at the last evaluation)"
        yield info(Kind.PUBLISHED_METRIC, f"{label}: published {figure(theirs)}, {shown}", label, theirs, ours)
