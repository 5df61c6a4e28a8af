"""The suites that come along."""

import re

import pytest

from grokbench import suite_files
from grokbench.errors import SuiteError
from grokbench.report.charts import PAPER_FIGURES
from grokbench.suite import load_suite

from .helpers.small_cells import FACTORIES
from .helpers.wrong_suites import SHIPPED


@pytest.fixture
def shipped(monkeypatch):
    monkeypatch.setattr(suite_files, "shipped_suites", lambda: SHIPPED)


@pytest.mark.usefixtures("shipped")
@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_suites_load(name):
    suite = load_suite(name)
    assert suite.name == name and suite.baseline == "baseline"
    figures, table1 = ["baseline", "grokalign"], ["baseline", "grokfast", "orthograd", "grokalign"]
    without = ["baseline", "grokfast", "grokalign"]  # as Table 1 on modular addition
    others = without if name == "sensitivity-modular" else table1
    expected = figures if name.startswith(("figure", "table5", "hello")) else others
    expected = ["baseline"] if name.startswith("accelerators") else expected
    labels = dict.fromkeys(entry.label.partition("[")[0] for entry in suite.regularizers)
    assert list(labels)[: len(expected)] == expected


@pytest.mark.usefixtures("shipped")
@pytest.mark.parametrize("name", ["accelerators", "accelerators-tuned"])
def test_the_accelerators_follow_their_protocol(name):
    suite = load_suite(name)
    assert suite.protocol == f"grokbench-{name}-1" and suite.seeds == tuple(range(1000, 1020))
    assert suite.statistics.rank_by == "lasting"
    for task in suite.tasks:
        assert task.stop["hold"] >= 100 * task.evaluate_every and task.stop["hold"] % task.evaluate_every == 0


@pytest.mark.usefixtures("shipped")
def test_the_controls_of_the_accelerators_multiply_the_recipe_of_the_task():
    suite = load_suite("accelerators")
    methods = {method.label: method for method in suite.regularizers}
    skipped = {(skip.task, skip.regularizer) for skip in suite.skip}
    for label, setting, factor in [("rate_x3", "lr", 3), ("decay_x10", "weight_decay", 10)]:
        for task in suite.tasks:
            own = getattr(FACTORIES[task.use.name](**task.use.parameters).optimizer, setting)
            changed = methods[label].optimizer_for(task.label)
            assert (
                changed == {} if (task.label, label) in skipped else changed == {setting: pytest.approx(factor * own)}
            )


@pytest.mark.usefixtures("shipped")
def test_the_paper_suite_is_table_1():
    suite = load_suite("paper")
    assert suite.seeds == tuple(range(1000, 1025)) and suite.published is not None
    assert [list(row.values()) for row in suite.published.epochs.values()] == [
        [154, 154, 37, 101], [2128, 1888, 256, 110], [2508, 2364, 2676, 328], [7496, 7200, 1154], [268, 254, 200],
    ]  # fmt: skip
    assert [task.epochs for task in suite.tasks] == [1000, 10000, 6000, 12000, 1000]


@pytest.mark.usefixtures("shipped")
def test_published_numbers_of_figures_are_read():
    speedups = load_suite("figure4").published.speedups
    assert speedups["mnist"]["grokalign"] == pytest.approx(1 / (1 - 0.62), rel=1e-3)
    finals = load_suite("table5").published.finals("cifar10", "grokalign")
    overall = finals.pop("mean")
    assert len(finals) == 18 and sum(finals.values()) / 18 == pytest.approx(overall, abs=5e-4)


@pytest.mark.usefixtures("shipped")
def test_quick_keeps_the_noise_of_xor():
    xor = next(task.use.parameters for task in load_suite("quick").tasks if task.label == "xor")
    assert xor["epsilon"] * xor["dimensions"] ** 0.5 == pytest.approx(10, rel=1e-6)
    assert "noise_sd" not in xor  # what it adds to a hidden unit does not depend on the number of dimensions


@pytest.mark.usefixtures("shipped")
def test_an_unknown_name_lists_the_shipped_suites():
    names = ", ".join(SHIPPED)
    with pytest.raises(SuiteError, match=rf"no suite 'quik'. Did you mean 'quick'\? .*: {names}$"):
        load_suite("quik")


@pytest.mark.usefixtures("shipped")
def test_a_missing_file_names_its_neighbour(tmp_path):
    (tmp_path / "mine.yaml").touch()
    with pytest.raises(SuiteError, match=re.escape("no such file, expected a path to a suite. Did you mean")):
        load_suite(str(tmp_path / "mien.yaml"))
    names = ", ".join(SHIPPED)
    said = f"no such file, expected a path to a suite or one of the shipped suites: {names}"
    with pytest.raises(SuiteError, match=re.escape(said)):
        load_suite(str(tmp_path / "nowhere" / "a.yaml"))


@pytest.mark.usefixtures("shipped")
@pytest.mark.parametrize("name", [name for name in SHIPPED if name.removesuffix("-small") in PAPER_FIGURES])
def test_a_suite_records_the_curves_of_its_figure(name):
    suite, figure = load_suite(name), PAPER_FIGURES[name.removesuffix("-small")]
    tasks = {panel.task for panel in figure.panels} - {""}
    methods = {method for panel in figure.panels for method in panel.methods}
    wanted = {label for panel in figure.panels for label in panel.metrics} | {mark.metric for mark in figure.marks}
    always = {"test_accuracy", "train_accuracy", "noise_accuracy"}
    assert tasks <= {task.label for task in suite.tasks}
    assert methods <= {entry.label for entry in suite.regularizers}
    assert wanted - always <= {metric.label for metric in suite.metrics}
