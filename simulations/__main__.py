"""The command line of the simulations: run those named, or all, and write their results."""

import json
import time
from importlib import import_module
from pathlib import Path

import click

NAMES = ("looks", "failures", "cadence", "between", "bounds", "equivalence")
RESULTS = Path(__file__).parent / "results"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, type=click.Choice(NAMES))
def main(names: tuple[str, ...]) -> None:
    """Run simulations, all by default, and write results/NAME.json; the same numbers on every run."""
    for name in names or NAMES:
        module, start = import_module(f"simulations.{name}"), time.process_time()
        rows = module.simulate(module.SUITES)
        document = {"question": module.__doc__.split("\n")[0], "suites": module.SUITES, "rows": rows}
        (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        click.echo(f"{name}: {time.process_time() - start:.0f} s")
        for row in rows:
            click.echo("  " + ", ".join(f"{key} {value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
