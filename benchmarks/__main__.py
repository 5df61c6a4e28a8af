"""The command line of the benchmarks: parts in, tables out."""

from pathlib import Path
from typing import Any

import click

from grokbench.errors import GrokbenchError

TASKS = ("sparse_parity", "modular_addition", "mnist_ce", "xor")  # unless some are named
OTHERS = ("cifar10",)
METHODS = ("baseline", "grokfast", "orthograd", "grokalign")
PARTS = ("speed", "scaling", "startup", "report")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--part", "parts", multiple=True, type=click.Choice(PARTS), help="Repeatable.  [default: speed]")
@click.option("--task", "tasks", multiple=True, type=click.Choice([*TASKS, *OTHERS]), help="This only; repeatable.")
@click.option(
    "--method",
    "methods",
    multiple=True,
    type=click.Choice(METHODS),
    help="Repeatable.  [default: baseline and grokalign; for scaling, baseline]",
)
@click.option("--device", default="cpu", show_default=True, type=click.Choice(["cpu", "cuda"]))
@click.option("--seeds", default=25, show_default=True, type=click.IntRange(min=2), help="Trained by the engine.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(min=1), help="Turns of every competitor.")
@click.option("--seconds", default=6.0, show_default=True, help="About what a round takes.")
@click.option("--quick", is_flag=True, help="A minute or two: 10 seeds, one short round. Does it work?")
@click.option("--full-xor", is_flag=True, help="XOR with 40,000 dimensions and width 1,024; takes much longer.")
@click.option("--rotated", is_flag=True, help="What the engine trains with its exact rotation, XOR, and nothing else.")
@click.option("--no-authors", is_flag=True, help="Leave out the procedure of the paper's authors, the slowest.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write every round to this file.")
def main(parts: tuple[str, ...], quick: bool, no_authors: bool, file: Path | None, **asked: Any) -> None:
    """Time the engine against the loop that a good PyTorch user would write, the same work side by side."""
    from benchmarks import tables
    from benchmarks.document import Document, facts
    from benchmarks.parts import PARTS, QUICK, Wanted

    asked = {**asked, "tasks": asked["tasks"] or TASKS, "device": found_device(asked["device"])}
    wanted = Wanted(**{**asked, **(QUICK if quick else {})}, without=("authors",) if no_authors else ())
    document = Document(file, facts(wanted.device))
    warn_of_load(document.facts)
    for part in parts or ("speed",):
        for row in PARTS[part](wanted, say, lambda text: click.echo(f"{text}\n")):
            document.add(part, row)
    if not document.parts:
        raise click.ClickException("nothing was measured: no task has its data here")
    click.echo(tables.machine(document.facts))


def say(text: str) -> None:
    """Where the measurement stands, on standard error."""
    click.echo(text, err=True)


def warn_of_load(facts: dict[str, Any]) -> None:
    """Say so where other programs are at work: no median makes up for cores that are not there."""
    if facts["load"] > facts["cores"] / 4:
        say(f"other programs want {facts['load']} of {facts['cores']} cores: the figures will be noisy")


def found_device(device: str) -> str:
    """`cpu`, or the first CUDA device; a ClickException where there is none."""
    if device == "cpu":
        return device
    import torch

    if not torch.cuda.is_available():
        raise click.ClickException("--device cuda: torch sees no CUDA device here; use --device cpu")
    return "cuda:0"


if __name__ == "__main__":
    try:
        main()
    except GrokbenchError as error:
        raise SystemExit(f"Error: {error}") from None
