"""`grokbench new`: write a new plugin."""

import os
from collections.abc import Iterator
from pathlib import Path
from shlex import quote

import click

from grokbench.commands.output import echo

__all__ = ["new"]


@click.command()
@click.argument("kind", type=click.Choice(["regularizer", "task", "metric", "observer"]))
@click.argument("name")
@click.option("--out", default=".", metavar="DIR", help="The output folder.  [default: this folder]")
@click.option("--package", is_flag=True, help="Write a package that pip can install, with a workflow for GitHub.")
def new(kind: str, name: str, out: str, package: bool) -> None:
    """Write an example plugin and its test, both working, to be replaced by your own code."""
    from grokbench.commands.plugins import warn_of_broken
    from grokbench.plugins import load_registry
    from grokbench.scaffold import write

    registry = load_registry()
    warn_of_broken(registry)
    write.check_name(kind, name, registry)
    write_files = write.write_package if package else write.write_plugin
    for path in write_files(kind, name, Path(out)):
        echo(f"Wrote {path}")
    echo("\nThe example works as it is. Replace its code and its last test by your own; then:\n")
    for line in _next(kind, name, Path(out), package):
        echo(line)


def _next(kind: str, name: str, folder: Path, package: bool) -> Iterator[str]:
    """Yield the next steps, one line each."""
    file, test = quote(str(folder / f"{name}.py")), quote(str(folder / f"test_{name}.py"))
    plugin = "" if package else f" --plugin {file}"
    if package:
        project = folder / f"grokbench-{name}".replace("_", "-")
        yield f"install it:  pip install -e {quote(os.path.join('.', f'{project}[test]'))}"
        file, test = name, quote(str(project))
    yield f"check it:    grokbench check {file}"
    yield f"test it:     pytest {test}"
    if option := {"regularizer": "--with", "observer": "--log"}.get(kind):
        yield f"run it:      grokbench run quick{plugin} {option} {name}"
        return
    from grokbench.scaffold.write import suite

    yield f"run it:      grokbench run {name}.yaml{plugin}    with this in {name}.yaml:\n\n{suite(kind, name)}"
