"""Shell completion of arguments and options, and the command that prints a shell's completion script."""

import glob
from collections.abc import Callable, Iterable
from functools import wraps

import click
from click.shell_completion import CompletionItem, get_completion_class

from grokbench.commands.output import echo

__all__ = [
    "completion",
    "data_sets",
    "devices",
    "files",
    "folders",
    "labels",
    "methods",
    "names",
    "names_or_files",
    "observers",
    "suites",
]

Suggested = Iterable[str | CompletionItem]
Completer = Callable[[click.Context, click.Parameter, str], Suggested]


def completer(complete: Completer) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Keep the visible suggestions that start with the typed text; an error gives no suggestions and no message."""

    @wraps(complete)
    def suggest(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            found = [each if isinstance(each, CompletionItem) else CompletionItem(each) for each in
                     complete(ctx, param, incomplete)]  # fmt: skip
        except (Exception, SystemExit):
            return []
        visible = (item for item in found if str(item.value).isprintable())  # an escaped text would not be the name
        return [item for item in visible if str(item.value).startswith(incomplete)]

    return suggest


@completer
def folders(ctx: click.Context, param: click.Parameter, incomplete: str) -> Suggested:
    """Let the shell complete folders."""
    return [CompletionItem(incomplete, type="dir")]


@completer
def files(ctx: click.Context, param: click.Parameter, incomplete: str) -> Suggested:
    """Let the shell complete files."""
    return [CompletionItem(incomplete, type="file")]


@completer
def suites(ctx: click.Context, param: click.Parameter, incomplete: str) -> Suggested:
    """Suggest shipped suites, and `.yaml` files here and one folder below; without a match, any file."""
    from grokbench.suite_files import shipped_suites

    shipped = [name for name in shipped_suites() if name.startswith(incomplete)]
    here = glob.escape(incomplete)
    found = [*shipped, *sorted(glob.glob(f"{here}*.yaml")), *sorted(glob.glob(f"{here}*/*.yaml"))]
    return found or [CompletionItem(incomplete, type="file")]


@completer
def labels(ctx: click.Context, param: click.Parameter, incomplete: str) -> Suggested:
    """Suggest labels of the suite on the command line: of tasks for --task, of regularizers for --regularizer."""
    from grokbench.suite import load_suite

    suite = load_suite(ctx.params.get("suite") or ctx.args[0])  # in args while an option lacks its value
    chosen = ctx.params.get(str(param.name)) or ()
    return [entry.label for entry in getattr(suite, str(param.name)) if entry.label not in chosen]


@completer
def names(ctx: click.Context, param: click.Parameter, incomplete: str) -> Suggested:
    """Suggest plugins of every kind, including those of --plugin files, and shipped suites."""
    from grokbench.suite_files import shipped_suites

    return [*_plugins(ctx), *(CompletionItem(name, help="suite") for name in shipped_suites())]


@completer
def methods(ctx: click.Context, param: click.Parameter, incomplete: str) -> Suggested:
    """Suggest regularizers, including those of --plugin files."""
    return _plugins(ctx, "regularizers")


@completer
def observers(ctx: click.Context, param: click.Parameter, incomplete: str) -> Suggested:
    """Suggest observers, including those of --plugin files."""
    return _plugins(ctx, "observers")


@completer
def names_or_files(ctx: click.Context, param: click.Parameter, incomplete: str) -> Suggested:
    """Suggest plugins of every kind; without a match, files."""
    found = [item for item in _plugins(ctx) if item.value.startswith(incomplete)]
    return found or [CompletionItem(incomplete, type="file")]


@completer
def data_sets(ctx: click.Context, param: click.Parameter, incomplete: str) -> Suggested:
    """Suggest the data sets of the shipped tasks."""
    from grokbench.data import status

    return [each.name for each in status()]


@completer
def devices(ctx: click.Context, param: click.Parameter, incomplete: str) -> Suggested:
    """Suggest values of --device."""
    return ["auto", "cpu", "cuda", "cuda:0"]


def _plugins(ctx: click.Context, wanted: str | None = None) -> list[CompletionItem]:
    """Suggest plugins of one kind, or of every kind."""
    from grokbench.plugins.names import plugin_names

    found = plugin_names(ctx.params.get("plugins") or ())
    kinds = [(name, kind) for name, kind in sorted(found.items()) if wanted in (None, kind)]
    return [CompletionItem(name, help=kind.removesuffix("s")) for name, kind in kinds]


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script with which a shell completes names, labels, folders and options.

    Add the line of your shell to its startup file:

    \b
    bash   ~/.bashrc                    eval "$(grokbench completion bash)"
    zsh    ~/.zshrc                     eval "$(grokbench completion zsh)"
    fish   ~/.config/fish/config.fish   grokbench completion fish | source
    """  # noqa: D301 - click reads the character itself
    known = get_completion_class(shell)
    assert known is not None
    echo(known(ctx.find_root().command, {}, "grokbench", "_GROKBENCH_COMPLETE").source())
