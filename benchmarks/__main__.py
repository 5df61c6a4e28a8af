"""The command line of the benchmarks."""

from pathlib import Path
from typing import Any

import click

from grokbench.errors import GrokbenchError

TASKS = ("sparse_parity", "modular_addition", "mnist_ce", "xor")  # by default
OTHERS = ("cifar10",)
METHODS = ("baseline", "grokfast", "orthograd", "grokalign")
PARTS = ("speed", "peers", "scaling", "startup", "report", "store")


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
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(min=1), help="Of every competitor.")
@click.option("--seconds", default=6.0, show_default=True, help="Approximate duration of a round.")
@click.option("--quick", is_flag=True, help="A test of one or two minutes: 10 seeds, one short round.")
@click.option("--full-xor", is_flag=True, help="XOR with 40,000 dimensions and width 1,024; takes much longer.")
@click.option("--rotated", is_flag=True, help="Only XOR with the engine's exact rotation.")
@click.option("--no-authors", is_flag=True, help="Leave out the procedure of the paper's authors, the slowest.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write every round to this file.")
def main(parts: tuple[str, ...], quick: bool, no_authors: bool, file: Path | None, **chosen: Any) -> None:
    """Compare the speed of the engine with that of a well-written PyTorch loop on the same work."""
    from benchmarks import tables
    from benchmarks.document import Document, facts
    from benchmarks.parts import PARTS, QUICK, Options

    chosen = {**chosen, "tasks": chosen["tasks"] or TASKS, "device": found_device(chosen["device"])}
    options = Options(**{**chosen, **(QUICK if quick else {})}, without=("authors",) if no_authors else ())
    document = Document(file, facts(options.device))
    warn_of_load(document.facts)
    for part in parts or ("speed",):
        for row in PARTS[part](options, say, lambda text: click.echo(f"{text}\n")):
            document.add(part, row)
    if not document.parts:
        raise click.ClickException("nothing was measured: no task has its data here")
    click.echo(tables.machine(document.facts))


def say(text: str) -> None:
    """Print a line about the progress on standard error."""
    click.echo(text, err=True)


def warn_of_load(facts: dict[str, Any]) -> None:
    """Warn if other programs use the cores, because a median does not correct for that."""
    if facts["load"] > facts["cores"] / 4:
        say(f"other programs want {facts['load']} of {facts['cores']} cores: the figures will be noisy")


def found_device(device: str) -> str:
    """Return `cpu`, or the first CUDA device; ClickException if there is none."""
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
