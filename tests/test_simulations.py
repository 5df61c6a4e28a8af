"""The simulations give the committed results again in a sample, under the same constants, and these hold the claims."""

import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from grokbench.judging.conclusions import Conclusion, conclusion
from grokbench.judging.effects import effect
from grokbench.judging.outcomes import Measured
from grokbench.records import Outcome, Statistics

from .helpers.result_folders import a_cell, a_run

ROOT = Path(__file__).parents[1]
NAMES = ("looks", "failures", "cadence", "between", "bounds", "equivalence", "scaling")


@pytest.fixture(autouse=True)
def _checkout(monkeypatch):
    """The simulations are imported from the checkout."""
    monkeypatch.syspath_prepend(str(ROOT))


def committed(name):
    """The committed results of a simulation."""
    return json.loads((ROOT / "simulations" / "results" / f"{name}.json").read_text(encoding="utf-8"))


def rows(name):
    return committed(name)["rows"]


def column(name, key):
    return [row[key] for row in rows(name)]


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_gives_the_committed_numbers_again(name):
    module, results = import_module(f"simulations.{name}"), committed(name)
    sample = results["sample"]
    assert sample["rows"] == module.simulate(sample["suites"]) and sample["suites"] >= 4
    assert list(map(cell, sample["rows"])) == list(map(cell, results["rows"]))


def cell(row):
    """What a row is about: all that is not a rate."""
    return {key: value for key, value in row.items() if not isinstance(value, float) or key in ("spread", "width")}


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_results_rest_on_the_constants_of_the_code(name):
    """Run `python -m simulations` again where this fails."""
    module, results = import_module(f"simulations.{name}"), committed(name)
    constants = import_module("simulations.__main__").constants(module)
    assert results["constants"] == constants and results["suites"] == module.SUITES
    assert constants["grokbench.stats.brackets.BOUND_SHARE"] == 0.4


def test_every_simulation_is_run_by_default():
    assert import_module("simulations.__main__").NAMES == NAMES
    assert {file.stem for file in (ROOT / "simulations" / "results").glob("*.json")} == set(NAMES)


def test_the_rule_about_failures_is_that_of_the_leaderboard():
    rng, found = np.random.default_rng(0), []
    rule = import_module("simulations.failures")._rule
    for share in (0.0, 0.1, 0.4) * 12:
        times = np.ceil(1000 * np.exp(rng.normal(0, 0.4, (2, 10))) / [[1.0], [rng.choice([0.4, 1.0, 2.5])]])
        times[rng.random(times.shape) < share] = np.inf
        budget = float(rng.choice([1100, 1500, 9000]))
        found.append(rule(times, budget))
        assert found[-1] == concluded(*times, int(budget)), (times, budget)
    assert all(found.count(sign) >= 4 for sign in (-1, 0, 1))


def concluded(baseline, method, budget):
    """Conclude as the leaderboard does: 1 for faster, -1 for slower, else 0; infinite times are those that diverge."""
    both = effect(*(trained(name, times, budget) for name, times in (("baseline", baseline), ("method", method))))
    statistics = Statistics(correction="none")
    return {Conclusion.FASTER: 1, Conclusion.SLOWER: -1}.get(
        conclusion(both, both.p[both.deciding(statistics.primary)], statistics), 0
    )


def trained(name, times, budget):
    """A cell that is evaluated at every epoch."""
    cell = replace(a_cell(name, budget), evaluate_every=1)
    runs = [a_run(cell, seed, int(time) if time <= budget else None) for seed, time in enumerate(times)]
    pairs = zip(runs, times, strict=True)
    return Measured(cell, tuple(replace(run, outcome=Outcome.DIVERGED) if np.isinf(at) else run for run, at in pairs))


def test_declared_looks_hold_the_level_and_undeclared_ones_do_not():
    assert max(column("looks", "declared")) <= 0.055
    assert all(row["undeclared"] > 0.1 for row in rows("looks") if "," in row["looks"] or "to" in row["looks"])


def test_failures_hold_the_level_at_every_budget():
    by_the_rule = [row for row in rows("failures") if row["test"] == "rule" and row["case"].startswith("no effect")]
    budgets = [key.removeprefix("faster at ") for key in by_the_rule[0] if key.startswith("faster")]
    assert len(by_the_rule) == 3 and budgets == ["1.1", "1.5", "3", "10", "100"]
    errors = [row[f"faster at {b}"] + row[f"slower at {b}"] for row in by_the_rule for b in budgets]
    assert max(errors) <= 0.055


def test_no_budget_turns_the_conclusion_about_a_method_that_diverges():
    for spread in ("0.2", "0.3"):
        case = f"twice as fast on 70%, diverges on 30%, spread {spread}"
        agreement = {row["test"]: row["agreement"] for row in rows("failures") if row["case"] == case}
        assert agreement["rule"] >= 0.98 and agreement["rule"] == max(agreement.values())
    assert min(agreement.values()) < 0.95  # why the others were not chosen


def test_the_interval_covers_at_every_cadence_and_the_naive_one_does_not():
    assert min(column("cadence", "coverage")) >= 0.94
    assert min(column("cadence", "naive coverage")) < 0.6
    assert set(column("cadence", "cadence")) == {"4%", "10%", "25%", "50%"}
    assert set(column("cadence", "seeds")) == {6, 10, 25}


def test_equal_methods_are_rarely_called_different():
    assert max(column("between", "error, Holm")) <= 0.055
    assert set(column("between", "methods")) == {3, 6, 10}


def test_the_valid_end_of_a_bound_holds_its_level():
    assert max(row["error"] for row in rows("bounds") if row["seeds"] > 6) <= 0.025
    assert max(row["error"] for row in rows("bounds") if row["seeds"] == 6) <= 0.032
    assert max(column("bounds", "error at 95%")) > 0.045  # what the level is raised for


def test_equivalence_is_claimed_at_the_margin_no_more_often_than_its_level():
    assert max(column("equivalence", "error")) <= 0.055
    assert max(column("equivalence", "error")) > 0.04  # and it is not empty
