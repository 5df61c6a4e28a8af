"""The text about a search: chosen settings, the best of k trials, compute, and optima at the edge of a space."""

from collections.abc import Iterator, Mapping
from typing import Any

from grokbench.text.escape import printable
from grokbench.text.table import table

__all__ = ["describe"]

STEPS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)  # the values of k that are printed
CHOSEN = ("task", "method", "trial", "settings", "default", "chosen", "default, again", "chosen, again")


def describe(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield the paragraphs about a search.

    Args:
        record: a record of `findings`.
    """
    searches, seeds = record["searches"], len(record["seeds"])
    yield table([list(_row(search)) for search in searches], CHOSEN)
    counted = "grokking that lasts" if record["rank_by"] == "lasting" else "grok"
    yield (
        f"Epochs to {counted} (geometric mean over seeds) and seeds that grokked: on the {seeds} seeds of the search, "
        f"then on {len(record['confirm_seeds'])} other seeds, by which the choice was made."
    )
    steps = [k for k in STEPS if k <= record["n_trials"]]
    rows = [[search["task"], search["method"], *_curve(search, steps)] for search in searches]
    yield "Expected epochs of the best of k trials:"
    yield table(rows, ("task", "method", *(f"k={k}" for k in steps)))
    yield "Compute (every method has the same number of trials):"
    keys = ("method", "tasks", "trials_per_task", "replicas", "epochs")
    costs = [[cost[key] for key in keys] for cost in record["compute"]]
    yield table(costs, [key.replace("_", " ") for key in keys])
    if notes := "\n".join(printable(note) for search in searches for note in _notes(search)):
        yield notes


def _row(search: Mapping[str, Any]) -> Iterator[str]:
    chosen, again = search["chosen"], {each["trial"]: each for each in search["confirmation"]}
    yield from (search["task"], search["method"])
    yield "default" if not chosen else str(chosen)
    yield ", ".join(f"{name} {_value(value)}" for name, value in search["trials"][chosen]["values"].items())
    for trials in (search["trials"], again):
        yield from (_score(trials[number]) for number in (0, chosen))


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _score(score: Mapping[str, Any]) -> str:
    return f"{score['epochs']:,.0f} ({score['grokked']}/{score['seeds']})"


def _curve(search: Mapping[str, Any], steps: list[int]) -> Iterator[str]:
    known = {point["k"]: point for point in search["best_of_k"]}
    yield from (f"{known[k]['epochs']:,.0f}{_missed(known[k]['grokked'])}" for k in steps)


def _missed(grokked: float) -> str:
    """Format the expected share of seeds that grok, if some seeds do not."""
    return "" if grokked >= 1 else f" ({100 * grokked:.0f}%)"


def _notes(search: Mapping[str, Any]) -> Iterator[str]:
    name = f"{search['method']} on {search['task']}"
    for each in search["edges"]:
        yield f"{name}: the best {each['dimension']} lies at the {each['end']} edge of its range: widen the range."
    best = search["confirmation"][[each["trial"] for each in search["confirmation"]].index(search["chosen"])]
    if not best["grokked"]:
        yield f"{name}: no seed of the chosen trial grokked: the choice is meaningless."
    if failed := sum(each["failed"] for each in (*search["trials"], *search["confirmation"])):
        yield f"{name}: {failed} replicas failed, and count as seeds that did not grok."
