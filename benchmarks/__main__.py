"""The command line of the benchmarks: cases in, a table out."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from grokbench.errors import GrokbenchError

TASKS = ("sparse_parity", "modular_addition", "mnist_ce", "xor")
QUICK = (10, 1, 0.5)  # seeds, rounds, seconds


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--task", "tasks", multiple=True, type=click.Choice(TASKS), help="This task only; may be repeated.")
@click.option("--seeds", default=25, show_default=True, type=click.IntRange(min=2), help="Trained by the engine.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(min=1), help="Turns of every competitor.")
@click.option("--seconds", default=6.0, show_default=True, help="About what a round of the engine takes.")
@click.option("--quick", is_flag=True, help="A minute: 10 seeds, one short round. Does it work?")
@click.option("--full-xor", is_flag=True, help="XOR with 40,000 dimensions and width 1,024; takes much longer.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write every round to this file.")
def main(
    tasks: tuple[str, ...], seeds: int, rounds: int, seconds: float, quick: bool, full_xor: bool, file: Path | None
) -> None:
    """Time the engine against the loop that a good PyTorch user would write, the same work side by side."""
    if quick:
        seeds, rounds, seconds = QUICK
    from benchmarks import tables
    from benchmarks.competitors import COMPETITORS
    from benchmarks.rounds import measure

    results = []
    for case in _cases(tasks or TASKS, seeds, seconds, full_xor):
        click.echo(f"{case.name}: {case.cell.budget} epochs, {rounds} rounds", err=True)
        results.append(measure(case, COMPETITORS, rounds))
    if not results:
        raise click.ClickException("nothing was measured: no task has its data here")
    facts = _facts()
    click.echo(f"{tables.table(results)}\n\n{tables.footnotes(results[0])}\n\n{tables.machine(facts)}")
    if file:
        file.write_text(json.dumps({**facts, "rows": [result.json() for result in results]}, indent=1) + "\n")


def _cases(tasks: tuple[str, ...], seeds: int, seconds: float, full_xor: bool) -> Iterator[Any]:
    """The cases, each as long as a round should last; those without data are left out, with a word."""
    from benchmarks.cases import missing_data, shipped_cases
    from benchmarks.competitors import seconds_per_epoch
    from grokbench.plugins import load_registry

    for case in shipped_cases(tasks, seeds, full_xor, load_registry()):
        if why := missing_data(case.step):
            click.echo(f"{case.name} is left out: {why}", err=True)
        else:
            yield case.lasting(math.ceil(seconds / seeds / seconds_per_epoch(case)))


def _facts() -> dict[str, Any]:
    import torch

    from grokbench.provenance import environment

    known = environment()
    return {**{name: known[name] for name in ("machine", "cores", "torch", "git")}, "threads": torch.get_num_threads()}


if __name__ == "__main__":
    try:
        main()
    except GrokbenchError as error:
        raise SystemExit(f"Error: {error}") from None
