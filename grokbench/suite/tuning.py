"""The search that a suite describes for `grokbench tune`: its settings, and the parameters of each method."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from grokbench.errors import SuiteError
from grokbench.seeds import FIRST_REPORTED, format_seeds, seeds_of
from grokbench.suite.problems import KeyPath, Problem
from grokbench.text.suggest import did_you_mean

__all__ = ["Search", "owner", "read_search", "tuning_problems"]

FEWEST_SEEDS = 3
Range = tuple[float, float]


@dataclass(frozen=True)
class Search:
    """The search for the settings of every method.

    Attributes:
        n_trials: the number of trials of every method on every task.
        sampler: "qmc" or "tpe".
        seeds: the seeds of every trial.
        confirm_seeds: the seeds on which the best trials are repeated before one is chosen.
        lr: the least and the largest learning rate, as multiples of the task's own.
        weight_decay: the least and the largest weight decay, as multiples of the task's own.
        decay_from_zero: the least and the largest weight decay to try, besides 0, on a task without weight decay.
    """

    n_trials: int = 8
    sampler: str = "qmc"
    seeds: tuple[int, ...] = (0, 1, 2)
    confirm_seeds: tuple[int, ...] = (100, 101, 102, 103, 104)
    lr: Range = (0.1, 10.0)
    weight_decay: Range = (0.1, 10.0)
    decay_from_zero: Range = (1e-4, 0.1)


def read_search(data: Mapping[str, Any]) -> Search:
    """Read the key `tune` of a suite's data.

    Args:
        data: the suite's data, with faulty values replaced by null; missing keys get their defaults.
    """
    tune, space = _given(data.get("tune")), _given((data.get("tune") or {}).get("space"))
    lr, decay = _given(space.get("lr")), _given(space.get("weight_decay"))
    found: dict[str, Any] = {key: tune[key] for key in ("n_trials", "sampler") if key in tune}
    found |= {key: seeds_of(tune[key]) for key in ("seeds", "confirm_seeds") if key in tune}
    default = Search()
    return Search(
        **found,
        lr=_range(lr, "_factor", default.lr),
        weight_decay=_range(decay, "_factor", default.weight_decay),
        decay_from_zero=_range(decay, "", default.decay_from_zero),
    )


def _given(mapping: Mapping[str, Any] | None) -> dict[str, Any]:
    return {key: value for key, value in (mapping or {}).items() if value is not None}


def _range(given: Mapping[str, Any], suffix: str, default: Range) -> Range:
    low, high = given.get(f"low{suffix}", default[0]), given.get(f"high{suffix}", default[1])
    return float(low), float(high)


def owner(name: str, entry: Mapping[str, Any], label: str) -> tuple[str, str]:
    """Split the name of a parameter in `search_space` into plugin and parameter.

    Args:
        name: `strength`, or `grokalign.strength` for a combined method.
        entry: the regularizer's entry, as in the file.
        label: the regularizer's label.
    """
    use = entry.get("use") or label
    if isinstance(use, list):
        plugin, _, parameter = name.partition(".")
        return plugin, parameter
    return use, name


def tuning_problems(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with `tune` and with the search spaces of regularizers.

    Args:
        data: the suite's data, which fits the schema; faulty values are null.
    """
    yield from _seed_problems(data)
    search = read_search({"tune": {"space": (data.get("tune") or {}).get("space")}})
    ranges = {
        ("lr", "high_factor"): search.lr,
        ("weight_decay", "high_factor"): search.weight_decay,
        ("weight_decay", "high"): search.decay_from_zero,
    }
    for place, (low, high) in ranges.items():
        if low >= high:
            yield Problem(("tune", "space", *place), f"from {low:g} to {high:g}, expected more than {low:g}")
    for label, entry in (data.get("regularizers") or {}).items():
        for name in (entry or {}).get("search_space") or {}:
            path: KeyPath = ("regularizers", label, "search_space", name)
            yield from _name_problems(path, name, entry, label)


def _seed_problems(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield reported seeds, too few seeds, and seeds that both choose and confirm."""
    try:
        search = read_search(data)
    except (SuiteError, TypeError):
        return  # reported with the other lists of seeds
    if not all(isinstance(seed, int) for seed in (*search.seeds, *search.confirm_seeds)):
        return
    for key, seeds in (("seeds", search.seeds), ("confirm_seeds", search.confirm_seeds)):
        if above := [seed for seed in seeds if seed >= FIRST_REPORTED]:
            text = f"the seed {above[0]}, expected seeds below {FIRST_REPORTED}: settings are never chosen on seeds"
            yield Problem(("tune", key), f"{text} that are reported")
        if len(seeds) < FEWEST_SEEDS:
            yield Problem(("tune", key), f"{len(seeds)} seeds, expected at least {FEWEST_SEEDS}")
    if both := set(search.seeds) & set(search.confirm_seeds):
        text = f"the seeds {format_seeds(sorted(both))}, which the trials use too, expected other seeds"
        yield Problem(("tune", "confirm_seeds"), text)


def _name_problems(path: KeyPath, name: str, entry: Mapping[str, Any], label: str) -> Iterator[Problem]:
    use = entry.get("use")
    plugin, parameter = owner(name, entry, label)
    if isinstance(use, list) and (plugin not in use or not parameter):
        known = f"expected METHOD.PARAMETER with one of the combined methods: {', '.join(use)}"
        yield Problem(path, f"no method has this parameter, {known}{did_you_mean(plugin, use)}", at_key=True)
        return
    own = (entry.get(plugin) or {}) if isinstance(use, list) else entry
    if isinstance(own, Mapping) and isinstance(own.get(parameter), Mapping):
        yield Problem(path, "a parameter that is a grid, expected either the grid or a search", at_key=True)
