"""What `grokbench list` and `grokbench show` say."""

import pytest

from grokbench.commands.listing import catalogue, entry
from grokbench.errors import PluginError
from grokbench.plugins import load_registry
from grokbench.suite_files import shipped_suites

from .helpers import tiny


def test_a_line_for_every_name(registry):
    text = catalogue(registry, ["tasks", "regularizers", "metrics", "observers", "suites"])
    lines = {line.split()[0]: line for line in text.splitlines() if line}
    named = [*registry.tasks, *registry.regularizers, *registry.metrics, *registry.observers, *shipped_suites()]
    assert set(named) <= set(lines)
    assert all("built in" in lines[name] for name in named)
    assert "row that other rows are tested against" in lines["baseline"]


def test_one_kind(registry):
    text = catalogue(registry, ["metrics"])
    assert text.startswith("metrics\n") and "weight_norm" in text and "sparse_parity" not in text


def test_suites_say_what_they_are_in_their_first_line(registry):
    assert "Does everything work?" in catalogue(registry, ["suites"])


def test_a_users_method_with_its_file(tmp_path):
    text = catalogue(load_registry([tiny.write(tmp_path, tiny.PLUGIN, "mine.py")]), ["regularizers"])
    (line,) = [line for line in text.splitlines() if line.startswith("steady")]
    assert "Add nothing." in line and line.endswith("file mine.py")


def test_everything_about_a_name(registry):
    text = entry(registry, "grokfast_ema")
    assert text.startswith("grokfast_ema (regularizer, built in)")
    assert "alpha: float, default" in text and "lamb: float, default" in text


def test_a_plugin_without_parameters(registry):
    assert "no parameters" in entry(registry, "baseline")


def test_a_parameter_without_a_default(tmp_path):
    text = tiny.PLUGIN.replace("def steady()", "def steady(strength: float)")
    registry = load_registry([tiny.write(tmp_path, text, "mine.py")])
    assert "strength: float, required" in entry(registry, "steady")


def test_a_plugin_without_help(tmp_path):
    text = tiny.PLUGIN.replace('    """Add nothing."""\n', "")
    registry = load_registry([tiny.write(tmp_path, text, "mine.py")])
    assert "(no description)" in entry(registry, "steady")


def test_a_suite_is_shown_as_it_is_written(registry):
    assert entry(registry, "smoke") == shipped_suites()["smoke"].read_text().rstrip()


def test_a_name_that_does_not_exist(registry):
    with pytest.raises(PluginError, match=r"nothing is named 'grokalin'.*grokalign.*grokbench list"):
        entry(registry, "grokalin")
