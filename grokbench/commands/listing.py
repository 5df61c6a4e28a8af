"""The text of `grokbench list` and `grokbench show`: plugins and suites."""

import inspect
from collections.abc import Sequence

from grokbench.errors import PluginError
from grokbench.plugins import Registry
from grokbench.plugins.plugin import Plugin
from grokbench.suite_files import shipped_suites
from grokbench.text.suggest import did_you_mean, sentences
from grokbench.text.table import table

__all__ = ["catalogue", "entry"]


def catalogue(registry: Registry, kinds: Sequence[str]) -> str:
    """List plugins and suites in a table for each kind: name, first line of help, origin.

    Args:
        registry: the plugins.
        kinds: any of "tasks", "regularizers", "metrics", "observers" and "suites".
    """
    return "\n\n".join(_section(registry, kind) for kind in kinds)


def _section(registry: Registry, kind: str) -> str:
    if kind == "suites":
        rows = [(name, _first_comment(path.read_text()), "built in") for name, path in shipped_suites().items()]
    else:
        plugins: dict[str, Plugin] = getattr(registry, kind)
        rows = [(plugin.name, _help(plugin).partition("\n")[0], str(plugin.origin)) for plugin in plugins.values()]
    return f"{kind}\n{table(rows, ('name', 'what it is', 'from'))}"


def _help(plugin: Plugin) -> str:
    return inspect.getdoc(plugin.factory) or "(no description)"


def _source(plugin: Plugin) -> str:
    """Return the docstring of the plugin's file, which names the source and the symbols of the help."""
    return inspect.getdoc(inspect.getmodule(inspect.unwrap(plugin.factory))) or "(its file has no description)"


def _indented(text: str) -> list[str]:
    return [f"    {line}".rstrip() for line in text.splitlines()]


def _first_comment(text: str) -> str:
    return text.partition("\n")[0].removeprefix("# ")


def entry(registry: Registry, name: str) -> str:
    """Describe the plugins of a given name; if there are none, return the text of the shipped suite of that name.

    Args:
        registry: the plugins.
        name: the name of a suite or of plugins, which may be of several kinds.

    Raises:
        PluginError: nothing has this name.
    """
    found = [plugin for plugin in registry if plugin.name == name]
    suites = shipped_suites()
    if not found and name in suites:
        return suites[name].read_text().rstrip()
    if not found and (file := registry.unread(name)):
        raise PluginError(f"nothing is named {name!r}; {file} is in this folder: add --plugin {file}")
    if not found:
        known = [plugin.name for plugin in registry] + list(suites)
        missing = f"nothing is named {name!r}{did_you_mean(name, known)}"
        raise PluginError(sentences(missing, "`grokbench list` shows every name"))
    return "\n\n".join(_description(plugin) for plugin in found)


def _description(plugin: Plugin) -> str:
    parameters = [f"    {name}: {_default(parameter)}" for name, parameter in plugin.parameters.items()]
    return "\n".join(
        [
            f"{plugin.name} ({plugin.kind[:-1]}, {plugin.origin})",
            "",
            *_indented(_help(plugin)),
            "",
            *_indented(_source(plugin)),
            "",
            "parameters:" if parameters else "no parameters",
            *parameters,
            *_hold(plugin),
            *_network(plugin),
        ]
    )


def _network(plugin: Plugin) -> list[str]:
    if plugin.kind != "tasks":
        return []
    from grokbench.commands.network import network  # imports torch

    return ["", *_indented(found)] if (found := network(plugin)) else []


def _hold(plugin: Plugin) -> list[str]:
    if plugin.kind != "tasks":
        return []
    from grokbench.plan.holds import in_words  # imports torch

    return in_words(plugin)


def _default(parameter: inspect.Parameter) -> str:
    annotation = inspect.formatannotation(parameter.annotation).replace("typing.", "")
    shown = "required" if parameter.default is parameter.empty else f"default {parameter.default!r}"
    return f"{annotation}, {shown}"
