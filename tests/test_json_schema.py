"""The keys of a leaderboard in JSON, and the version that tells programs of them."""

import json

import pytest

from grokbench.judging.comparison import compare
from grokbench.judging.ranking import rank
from grokbench.records import Manifest
from grokbench.report.text import SCHEMA_VERSION, render

from .helpers.json_keys import KEYS, VERSION
from .test_ranking import cell, run


@pytest.fixture(scope="module")
def sections():
    """The parts of a leaderboard of two tasks whose methods are compared with each other."""
    cells = [
        cell(label, task, compare_to=("other",) * (label == "method"))
        for task in ("parity", "xor")
        for label in ("baseline", "method", "other")
    ]
    times = {"baseline": 100, "method": 50, "other": 80}
    runs = [run(each, seed, times[each.regularizer] + seed) for each in cells for seed in range(8)]
    found = compare(Manifest("s", "", "baseline", tuple(range(8)), tuple(cells)), runs)
    data = json.loads(render(rank(found), "json"))
    lists = {"tasks": list(data["tasks"].values())} | {name: data[name] for name in ("rows", "pairs", "aggregate")}
    lists["comparisons"] = [each for row in data["rows"] for each in row["comparisons"]]
    return {"leaderboard": [data], "statistics": [data["statistics"]], **lists}


def test_the_keys_of_the_json_are_those_of_its_version(sections):
    """Where this fails, enter the new keys and, if the version was released, raise it in both places."""
    assert set(sections) == set(KEYS) and SCHEMA_VERSION == VERSION
    for name, found in sections.items():
        assert found and all(set(each) == set(KEYS[name].split()) for each in found), name
