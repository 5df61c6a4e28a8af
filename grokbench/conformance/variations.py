"""Other values of a factory's parameters, which show whether a parameter changes training."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

from grokbench.errors import PluginError
from grokbench.plugins.plugin import Plugin

__all__ = ["other_settings", "other_values"]

ZERO = (0.1, 1.0)  # values to try in place of 0


def other_values(plugin: Plugin, name: str, value: Any) -> list[Any]:
    """List values that a parameter may have in place of the given value; empty for texts and other objects.

    Args:
        plugin: the plugin that has the parameter.
        name: the name of the parameter.
        value: the value of the parameter.

    Returns:
        For a boolean, the opposite; for a Literal, the other choices; for a number, ten times and a tenth of it, and
        for a whole number also one more; for a tuple, the same changes of all numbers at once.
    """
    annotation = get_type_hints(plugin.factory).get(name)
    if get_origin(annotation) is Literal:
        return [choice for choice in get_args(annotation) if choice != value]
    return _others(value)


def _others(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, 10 * value or 10, value // 10]
    if isinstance(value, float):
        return [10.0 * value, value / 10.0] if value else list(ZERO)
    if isinstance(value, tuple) and value and all(isinstance(each, int | float) for each in value):
        return [tuple(each / 10 for each in value)] if isinstance(value[0], float) else []
    return []


def other_settings(plugin: Plugin, settings: Mapping[str, Any], name: str) -> Iterator[tuple[Any, Any]]:
    """Yield pairs of records, made with two values of one parameter and the same values of all others.

    A parameter may act only under certain values of another parameter. The given settings therefore come first, then
    settings that differ in one other parameter: another choice, the opposite boolean, or a number in place of 0. Values
    that the factory refuses are left out.

    Args:
        plugin: the plugin that makes the records.
        settings: the values of parameters that differ from the defaults.
        name: the name of the parameter that is changed.
    """
    resolved = plugin.resolve(settings)
    for base in _bases(plugin, resolved, name):
        for value in other_values(plugin, name, resolved[name]):
            try:
                yield plugin.make(base), plugin.make({**base, name: value})
            except PluginError:
                continue


def _bases(plugin: Plugin, resolved: Mapping[str, Any], name: str) -> Iterator[dict[str, Any]]:
    yield dict(resolved)
    for other, value in resolved.items():
        if other != name and (isinstance(value, bool | str) or value == 0):
            yield from ({**resolved, other: instead} for instead in other_values(plugin, other, value))
