"""What a shell suggests for arguments and options, and `grokbench completion`, which teaches it to ask."""

import glob
from collections.abc import Callable, Iterable
from functools import wraps

import click
from click.shell_completion import CompletionItem, get_completion_class

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


def silent(complete: Completer) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Those of the suggestions that begin as what was typed; none after an error, amid somebody's typing."""

    @wraps(complete)
    def suggest(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            found = [each if isinstance(each, CompletionItem) else CompletionItem(each) for each in
                     complete(ctx, param, incomplete)]  # fmt: skip
        except (Exception, SystemExit):
            return []
        return [item for item in found if str(item.value).startswith(incomplete)]

    return suggest


@silent
def folders(ctx: click.Context, param: click.Parameter, incomplete: str) -> Suggested:
    """Folders, as the shell itself completes them."""
    return [CompletionItem(incomplete, type="dir")]


@silent
def files(ctx: click.Context, param: click.Parameter, incomplete: str) -> Suggested:
    """Files, as the shell itself completes them."""
    return [CompletionItem(incomplete, type="file")]


@silent
def suites(ctx: click.Context, param: click.Parameter, incomplete: str) -> Suggested:
    """Shipped suites, and `.yaml` files here and one folder below; any file where there is neither."""
    from grokbench.suite_files import shipped_suites

    shipped = [name for name in shipped_suites() if name.startswith(incomplete)]
    here = glob.escape(incomplete)
    found = [*shipped, *sorted(glob.glob(f"{here}*.yaml")), *sorted(glob.glob(f"{here}*/*.yaml"))]
    return found or [CompletionItem(incomplete, type="file")]


@silent
def labels(ctx: click.Context, param: click.Parameter, incomplete: str) -> Suggested:
    """The labels of the suite that is typed already: of its tasks or regularizers, as the option is named."""
    from grokbench.suite import load_suite

    suite = load_suite(ctx.params.get("suite") or ctx.args[0])  # an option without its value leaves it in args
    chosen = ctx.params.get(str(param.name)) or ()
    return [entry.label for entry in getattr(suite, str(param.name)) if entry.label not in chosen]


@silent
def names(ctx: click.Context, param: click.Parameter, incomplete: str) -> Suggested:
    """Plugins of every kind, those of plugin files included, and shipped suites."""
    from grokbench.suite_files import shipped_suites

    return [*_plugins(ctx), *(CompletionItem(name, help="suite") for name in shipped_suites())]


@silent
def methods(ctx: click.Context, param: click.Parameter, incomplete: str) -> Suggested:
    """Regularizers, those of plugin files included."""
    return _plugins(ctx, "regularizers")


@silent
def observers(ctx: click.Context, param: click.Parameter, incomplete: str) -> Suggested:
    """Observers, those of plugin files included."""
    return _plugins(ctx, "observers")


@silent
def names_or_files(ctx: click.Context, param: click.Parameter, incomplete: str) -> Suggested:
    """Plugins of every kind; files where none begins so."""
    found = [item for item in _plugins(ctx) if item.value.startswith(incomplete)]
    return found or [CompletionItem(incomplete, type="file")]


@silent
def data_sets(ctx: click.Context, param: click.Parameter, incomplete: str) -> Suggested:
    """The data sets of the shipped tasks."""
    from grokbench.data import status

    return [each.name for each in status()]


@silent
def devices(ctx: click.Context, param: click.Parameter, incomplete: str) -> Suggested:
    """The kinds of devices."""
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
    """Print what teaches a shell to complete names, labels, folders and options.

    Put this line into the file that the shell reads when it starts:

    \b
    bash   ~/.bashrc                    eval "$(grokbench completion bash)"
    zsh    ~/.zshrc                     eval "$(grokbench completion zsh)"
    fish   ~/.config/fish/config.fish   grokbench completion fish | source
    """  # noqa: D301 - click reads the character itself
    known = get_completion_class(shell)
    assert known is not None
    click.echo(known(ctx.find_root().command, {}, "grokbench", "_GROKBENCH_COMPLETE").source())
