"""Commands about suites and plugins: `list`, `show` and `validate`."""

from typing import TYPE_CHECKING

import click

from grokbench.commands.completion import names, suites
from grokbench.commands.options import METHODS, PLUGINS
from grokbench.commands.output import echo

if TYPE_CHECKING:
    from grokbench.plugins import Registry
    from grokbench.runner.request import Plan

__all__ = ["list_", "show", "validate", "warn_of_broken", "warn_of_plugins"]

LISTED = ["tasks", "regularizers", "metrics", "observers", "suites"]


@click.command()
@click.argument("suite", shell_complete=suites)
@PLUGINS
@METHODS
def validate(suite: str, plugins: tuple[str, ...], methods: tuple[str, ...]) -> None:
    """Check a suite without running it."""
    from grokbench.runner.request import Request, resolve

    plan = resolve(Request(suite, device="cpu", plugins=plugins, methods=methods))
    warn_of_plugins(plan)
    _warn_of_looks(plan)
    echo(f"{plan.suite.path}: sound; {len(plan.cells)} cells, {len(plan.seeds)} seeds.")


def _warn_of_looks(plan: "Plan") -> None:
    """Warn of declared looks with too few seeds for any significant result."""
    from grokbench.judging.looks import idle_looks
    from grokbench.text.lists import listed, plural

    tests, where = plan.manifest.tests, plan.suite.where(("statistics", "interim_looks"))
    if idle := idle_looks(plan.suite.statistics, tests):
        too_few = f"with {listed(idle, 'or')} seeds no p can be small enough for {plural(tests, 'comparison')}"
        echo(f"Warning: {where}: statistics.interim_looks: {too_few}; declare later looks", err=True)


@click.command("list")
@click.argument("kind", required=False, type=click.Choice(LISTED))
@PLUGINS
def list_(kind: str | None, plugins: tuple[str, ...]) -> None:
    """List the plugins that a suite can name, the observers for --log, and the shipped suites."""
    from grokbench.commands.listing import catalogue
    from grokbench.plugins import load_registry

    registry = load_registry(plugins)
    echo(catalogue(registry, [kind] if kind else LISTED))
    warn_of_broken(registry, traceback=True)


@click.command()
@click.argument("name", shell_complete=names)
@PLUGINS
def show(name: str, plugins: tuple[str, ...]) -> None:
    """Describe a plugin with its parameters, defaults, source and origin, or print a shipped suite."""
    from grokbench.commands.listing import entry
    from grokbench.plugins import load_registry

    registry = load_registry(plugins)
    warn_of_broken(registry)
    echo(entry(registry, name))


def warn_of_plugins(plan: "Plan") -> None:
    """Warn of plugins that cannot be imported, of plugin files that the suite does not use, and of a short `hold`."""
    from grokbench.plan.holds import short_holds
    from grokbench.runner.request import unused

    warn_of_broken(plan.registry)
    for sentence in (*unused(plan), *short_holds(plan.cells)):
        echo(f"Warning: {sentence}", err=True)


def warn_of_broken(registry: "Registry", traceback: bool = False) -> None:
    """Warn of plugins that could not be imported and are left out.

    Args:
        registry: the registry, whose `broken` lists these plugins.
        traceback: print the traceback of each instead of one sentence.
    """
    for broken in registry.broken:
        detail = f"{broken.origin} is left out:\n{broken.traceback}" if traceback else str(broken)
        echo(f"Warning: {detail}", err=True)
