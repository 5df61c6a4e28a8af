"""What a suite gives a factory: checked, filled in, refused in a sentence; and factories that break."""

from dataclasses import fields
from datetime import date
from typing import Literal

import pytest

from grokbench import AdamW, Metric, Regularizer
from grokbench.errors import PluginError
from grokbench.plugins.plugin import Plugin
from grokbench.records import Origin


def factory(
    strength: float = 0.1, count: int = 2, norm: Literal["squared", "frobenius"] = "squared", on: bool = True,
    betas: tuple[float, float] = (0.9, 0.99), needed: str | None = None,
    each: list[int] = [], named: dict[str, int] = {}, absent: None = None, day: date = date(2026, 1, 1),  # noqa: B006, B008
):  # fmt: skip
    """Parameters of every type."""
    if strength > 10:
        raise ValueError("strength must be at most 10, got too much")
    return strength, count, norm, on, betas, needed


PLUGIN = Plugin("regularizers", "method", factory, "file x.py", "0" * 64)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"strength": 1, "count": 3, "norm": "frobenius", "on": False, "betas": [0.5, 0.6], "needed": "a"},
        {"strength": -1e-3, "needed": None},
    ],
)
def test_good_parameters_have_no_faults(given):
    assert list(PLUGIN.faults(given)) == []


@pytest.mark.parametrize(
    ("given", "parameter", "said"),
    [
        ({"strenght": 1.0}, "strenght", "method has no parameter 'strenght'. Expected one of: strength, count, norm"),
        ({"strenght": 1.0}, "strenght", "Did you mean 'strength'?"),
        ({"strength": "high"}, "strength", "expected a number, got the text 'high'"),
        ({"strength": True}, "strength", "expected a number, got true"),
        ({"count": 2.5}, "count", "expected a whole number, got the number 2.5"),
        ({"count": "2"}, "count", "expected a whole number, got the text '2'"),
        ({"norm": "cubed"}, "norm", "expected 'squared' or 'frobenius', got the text 'cubed'"),
        ({"on": 1}, "on", "expected true or false, got the number 1"),
        ({"betas": [0.5]}, "betas", "at [1]: expected one more entry, got the list [0.5]"),
        ({"betas": [0.5, 0.6, 0.7]}, "betas", "expected at most 2 entries, got the list [0.5, 0.6, 0.7]"),
        ({"betas": [0.5, "high"]}, "betas", "at [1]: expected a number, got the text 'high'"),
        ({"betas": 0.5}, "betas", "expected a list, got the number 0.5"),
        ({"needed": 3}, "needed", "expected text, got the number 3"),
        ({"each": 3}, "each", "expected a list (lines '- item'), got the number 3"),
        ({"named": 3}, "named", "expected a mapping (lines 'key: value'), got the number 3"),
        ({"absent": 3}, "absent", "expected nothing, got the number 3"),
        ({"day": "soon"}, "day", "expected another value (Input should be a valid date"),
    ],
)
def test_wrong_parameters_are_named_with_what_was_expected(given, parameter, said):
    ((name, sentence),) = PLUGIN.faults(given)
    assert name == parameter and said in sentence


def test_a_misspelt_parameter_is_looked_up_among_what_may_stand_there():
    words = {"need": ("use", "per_task"), "pertask": ("use", "per_task")}
    need, pertask, on = (said for _, said in PLUGIN.faults({"need": 1, "pertask": 2, "onn": 3}, words))
    also = ", day; every regularizer entry also accepts these keys: use, per_task. Did you mean "
    assert need.endswith(f"{also}'needed'?") and pertask.endswith(f"{also}'per_task'?")
    assert on.endswith(", day. Did you mean 'on'?")


def test_a_plugin_without_parameters_has_the_keys_of_its_entry():
    bare = Plugin("metrics", "bare", lambda: None, "file x.py", "")
    ((_, in_an_entry),) = bare.faults({"evry": 1}, {"evry": ("use", "every")})
    said = "bare has no parameter 'evry'. Every metric entry accepts these keys: use, every. Did you mean 'every'?"
    assert in_an_entry == said
    assert list(bare.faults({"evry": 1})) == [("evry", "bare has no parameter 'evry'. It takes none")]


def test_a_parameter_without_default_is_asked_for():
    def bare(size: int):
        return size

    plugin = Plugin("tasks", "bare", bare, "file x.py", "")
    assert list(plugin.faults({})) == [("size", "bare needs the parameter 'size', which has no default")]


def test_making_says_what_the_factory_refuses():
    with pytest.raises(PluginError, match=r"method \(file x.py\) refuses its parameters: strength must be at most 10"):
        PLUGIN.make({"strength": 11.0})
    with pytest.raises(PluginError, match="method has no parameter 'nope'"):
        PLUGIN.make({"nope": 1})


def test_resolving_fills_in_defaults_and_writes_numbers_one_way():
    assert PLUGIN.resolve({"count": 3}) == {
        "strength": 0.1, "count": 3, "norm": "squared", "on": True, "betas": (0.9, 0.99), "needed": None,
        "each": [], "named": {}, "absent": None, "day": date(2026, 1, 1),
    }  # fmt: skip
    assert isinstance(PLUGIN.resolve({"strength": 1})["strength"], float)


@pytest.mark.parametrize(("origin", "left_out"), [(Origin("built_in"), True), (Origin("file", "x.py"), False)])
def test_a_recipe_records_a_later_parameter_of_a_built_in_plugin_only_where_it_is_set(origin, left_out):
    def grown(strength: float = 0.1, *, layers: int = 3):
        return strength, layers

    plugin = Plugin("tasks", "grown", grown, origin)
    assert plugin.recorded({}) == {"strength": 0.1} | ({} if left_out else {"layers": 3})
    assert plugin.recorded({"layers": 3}) == plugin.recorded({})
    assert plugin.recorded({"layers": 2}) == {"strength": 0.1, "layers": 2}
    assert plugin.make(plugin.recorded({})) == (0.1, 3) and plugin.make(plugin.recorded({"layers": 2})) == (0.1, 2)


FIELDS = ", ".join(field.name for field in fields(Regularizer))


BREAKS = {  # how a factory goes wrong, and what is said of it
    "an unknown field": (
        lambda: Regularizer(penality=None),
        f"Regularizer has no field 'penality', expected one of: {FIELDS}. Did you mean 'penalty'?",
    ),
    "a field without its name": (
        lambda: Regularizer(None),
        "Regularizer takes its fields by name, as in Regularizer(prepare=...)",
    ),
    "a field left out": (
        lambda: Metric(better="higher"),
        "Metric needs the fields that were left out: 'measure'",
    ),
    "a setting of an optimizer": (
        lambda: AdamW(learning_rate=0.1),
        "AdamW has no field 'learning_rate', expected one of: lr, weight_decay, betas, eps",
    ),
    "something else": (
        lambda: len(3),
        "TypeError: object of type 'int' has no len()",
    ),
}


@pytest.mark.parametrize(("method", "said"), BREAKS.values(), ids=BREAKS)
def test_a_factory_that_breaks_is_told_the_fields_of_the_record(method, said):
    with pytest.raises(PluginError) as caught:
        Plugin("regularizers", "method", method, "file x.py", "").make({})
    assert str(caught.value) == f"method (file x.py) breaks: {said}"
