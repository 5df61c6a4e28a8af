"""The command line of the simulations: run the named simulations, or all, and write their results."""

import json
import pkgutil
import time
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from grokbench import stats

NAMES = ("looks", "failures", "cadence", "between", "bounds", "equivalence", "scaling")
RESULTS = Path(__file__).parent / "results"
SAMPLED, MOST = 150, 40  # a sample, which a test recomputes, has 1/150 of the suites, but at most 40


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, type=click.Choice(NAMES))
def main(names: tuple[str, ...]) -> None:
    """Run simulations, all by default, and write results/NAME.json. Every run gives the same numbers."""
    for name in names or NAMES:
        start, document = time.process_time(), results(import_module(f"simulations.{name}"))
        (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        click.echo(f"{name}: {time.process_time() - start:.0f} s")
        for row in document["rows"]:
            click.echo("  " + ", ".join(f"{key} {value}" for key, value in row.items()))


def results(module: ModuleType) -> dict[str, Any]:
    """Run a simulation in full and, as a sample, with far fewer suites.

    Args:
        module: the module of the simulation.
    """
    few = min(module.SUITES // SAMPLED, MOST)
    return {
        "question": (module.__doc__ or "").split("\n")[0],
        "suites": module.SUITES,
        "constants": constants(module),
        "rows": module.simulate(module.SUITES),
        "sample": {"suites": few, "rows": module.simulate(few)},
    }


def constants(module: ModuleType) -> dict[str, Any]:
    """Collect the constants on which the numbers depend, as JSON data: those of a simulation and of `grokbench.stats`.

    Args:
        module: the module of the simulation.
    """
    parts = [import_module(f"{stats.__name__}.{part.name}") for part in pkgutil.iter_modules(stats.__path__)]
    found = {f"{each.__name__}.{name}": value for each in (module, *parts) for name, value in _constants(each)}
    return dict(json.loads(json.dumps(found, default=lambda function: function.__name__)))


def _constants(module: ModuleType) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in vars(module).items() if name.isupper()]


if __name__ == "__main__":
    main()
