"""The record of a search, `tuning.json`, and the suite of the chosen settings, `chosen.yaml`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from grokbench import __version__
from grokbench.seeds import FIRST_REPORTED, format_seeds
from grokbench.tune.best_of_k import best_of
from grokbench.tune.preparation import Tuning
from grokbench.tune.scores import Score
from grokbench.tune.search import Found
from grokbench.tune.space import Dimension, edge
from grokbench.tune.suites import chosen_entries, suite_name, suite_text
from grokbench.tune.trials import Key

__all__ = ["SCHEMA_VERSION", "chosen_suite", "findings"]

SCHEMA_VERSION = 2


def findings(tuning: Tuning, found: Mapping[Key, Found]) -> dict[str, Any]:
    """Return the record of a search as JSON data.

    Args:
        tuning: the search.
        found: the results of the search.
    """
    search = tuning.search
    return {
        "schema_version": SCHEMA_VERSION,
        "grokbench": __version__,
        "suite": tuning.suite.name,
        "rank_by": tuning.plan.manifest.statistics.rank_by,
        "sampler": search.sampler,
        "n_trials": search.n_trials,
        "seeds": list(search.seeds),
        "confirm_seeds": list(search.confirm_seeds),
        "compute": list(_compute(found)),
        "searches": [_search(tuning, key, each) for key, each in found.items()],
    }


def _compute(found: Mapping[Key, Found]) -> Iterator[dict[str, Any]]:
    """Yield the number of trials of each method, which is the same for all methods, and the cost of the trials."""
    for method in dict.fromkeys(method for _, method in found):
        own = [each for (_, label), each in found.items() if label == method]
        scores = [score for each in own for score in (*each.scores, *each.confirmed.values())]
        yield {
            "method": method,
            "tasks": len(own),
            "trials_per_task": max(len(each.trials) for each in own),
            "replicas": sum(score.replicas for score in scores),
            "epochs": sum(score.trained for score in scores),
            "failed": sum(score.failed for score in scores),
        }


def _search(tuning: Tuning, key: Key, found: Found) -> dict[str, Any]:
    space, chosen = tuning.spaces[key], found.trials[found.chosen]
    edges = [(dimension.name, edge(dimension, chosen.values[dimension.name])) for dimension in space]
    return {
        "task": key[0],
        "method": key[1],
        "budget": tuning.cells[key].budget,
        "space": [_dimension(dimension) for dimension in space],
        "trials": [
            {"trial": trial.number, "values": dict(trial.values), **_score(score)}
            for trial, score in zip(found.trials, found.scores, strict=True)
        ],
        "confirmation": [{"trial": number, **_score(score)} for number, score in sorted(found.confirmed.items())],
        "chosen": found.chosen,
        "edges": [{"dimension": name, "end": end} for name, end in edges if end],
        "best_of_k": list(_curve(found.scores)),
    }


def _dimension(dimension: Dimension) -> dict[str, Any]:
    if dimension.choices:
        return {"name": dimension.name, "choices": list(dimension.choices)}
    kinds = {kind: getattr(dimension, kind) for kind in ("log", "integer", "zero")}
    return {"name": dimension.name, "low": dimension.low, "high": dimension.high, **kinds}


def _score(score: Score) -> dict[str, Any]:
    return {
        "grokked": score.grokked,
        "seeds": score.seeds,
        "epochs": score.epochs,
        "failed": score.failed,
        "replicas": score.replicas,
        "trained_epochs": score.trained,
    }


def _curve(scores: Iterable[Score]) -> Iterator[dict[str, Any]]:
    known = list(scores)
    for k in range(1, len(known) + 1):
        epochs, grokked = best_of(known, k)
        yield {"k": k, "epochs": epochs, "grokked": grokked}


def chosen_suite(tuning: Tuning, found: Mapping[Key, Found]) -> str:
    """Return the text of a suite with the chosen settings.

    Its seeds are those of the tuned suite, or, if one of these is below 1000, as many seeds from 1000 on.

    Args:
        tuning: the search.
        found: the results of the search.
    """
    suite, data = tuning.suite, tuning.suite.document.data
    kept = all(seed >= FIRST_REPORTED for seed in suite.seeds)
    seeds = suite.seeds if kept else range(FIRST_REPORTED, FIRST_REPORTED + len(suite.seeds))
    chosen = {key: each.trials[each.chosen] for key, each in found.items()}
    described = " ".join(filter(None, [suite.description.strip(), _in_words(tuning)]))
    return suite_text(
        {
            "suite": suite_name(suite, "tuned"),
            "description": described,
            **({"protocol": suite.protocol} if suite.protocol else {}),
            "seeds": format_seeds(seeds),
            "baseline": suite.baseline,
            "tasks": data["tasks"],
            **chosen_entries(tuning, chosen),
        },
        _comment(tuning, kept),
    )


def _in_words(tuning: Tuning) -> str:
    search = tuning.search
    return (
        f"Tuned: {search.n_trials} trials of every method ({search.sampler}) on seeds {format_seeds(search.seeds)}, "
        f"the best again on seeds {format_seeds(search.confirm_seeds)}."
    )


def _comment(tuning: Tuning, kept: bool) -> str:
    seeds = "" if kept else f"\nIts seeds were below {FIRST_REPORTED}; here they begin at {FIRST_REPORTED}."
    return (
        f"The suite {tuning.suite.name} with settings chosen by grokbench tune, version {__version__}.\n"
        f"{_in_words(tuning)}\nEvery trial is in tuning.json.{seeds}"
    )
