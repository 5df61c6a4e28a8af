"""The command line of the fuzzer: it mutates inputs of targets for a given time, and saves each input that fails."""

import sys
from pathlib import Path

import click

from fuzzing.engines import ENGINES, default_engine
from fuzzing.supervision import Job, supervise
from fuzzing.targets import TARGETS


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", metavar="[TARGET]...", nargs=-1, type=click.Choice([*TARGETS]))
@click.option("--seconds", default=60.0, show_default=True, type=click.FloatRange(min=1), help="For each target.")
@click.option("--engine", type=click.Choice([*ENGINES]), help="[default: atheris where it is installed]")
@click.option("--finds", default="finds", show_default=True, type=click.Path(path_type=Path), help="A folder.")
@click.option("--seed", default=0, show_default=True, help="Other choices.")
def main(names: tuple[str, ...], seconds: float, engine: str | None, finds: Path, seed: int) -> None:
    """Fuzz the given targets, by default all; the exit status is 1 if an input failed."""
    found = 0
    for name in names or TARGETS:
        job = Job(name, engine or default_engine(), seconds, finds, seed)
        report = supervise(job)
        found += len(report.finds)
        click.echo(f"{name}: {report.inputs} inputs in {seconds:.0f} s ({job.engine}), {len(report.finds)} finds")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
