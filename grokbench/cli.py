"""The command line: the group of all commands, and the mapping of errors to messages and exit statuses."""

import errno
import os
import sys
from contextlib import suppress

import click

from grokbench import __version__
from grokbench.commands.check import check
from grokbench.commands.completion import completion
from grokbench.commands.data import data
from grokbench.commands.doctor import doctor
from grokbench.commands.evaluate import evaluate
from grokbench.commands.figures import plot, report
from grokbench.commands.merge import merge
from grokbench.commands.new import new
from grokbench.commands.output import any_encoding, echo
from grokbench.commands.plugins import list_, show, validate
from grokbench.commands.power import power
from grokbench.commands.results import compare, export, leaderboard, pack, seconds
from grokbench.commands.run import run
from grokbench.commands.signals import exit_status, interrupted_message
from grokbench.commands.status import cancel, logs, status
from grokbench.commands.submissions import check_submission, prepare_submission
from grokbench.commands.tune import tune
from grokbench.errors import GrokbenchError, PluginError, SuiteError
from grokbench.text.escape import printable, printable_lines

__all__ = ["main"]

UNMAPPED = "failed to map segment"  # the loader's error if memory is too small for a library such as torch
OUT_OF_MEMORY = (
    "grokbench needs more memory than it is allowed to use: raise the limit (ulimit -v) or end other programs. What "
    "was saved is kept."
)
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def commands() -> None:
    """Benchmark methods that make networks grok in fewer epochs.

    \b
    grokbench run hello                  train a shipped suite and print its leaderboard
    grokbench leaderboard runs/hello     print its leaderboard again
    grokbench list                       the plugins and suites that you can name
    """  # noqa: D301 - click reads the character itself


for command in (
    run,
    leaderboard,
    seconds,
    compare,
    report,
    plot,
    status,
    logs,
    cancel,
    pack,
    merge,
    export,
    prepare_submission,
    check_submission,
    evaluate,
    power,
    tune,
    validate,
    list_,
    show,
    check,
    new,
    data,
    doctor,
    completion,
):
    commands.add_command(command)


def main() -> None:
    """Run the command line; an error that the user can correct becomes one message and an exit status."""
    any_encoding()
    try:
        commands(standalone_mode=False)
    except GrokbenchError as error:
        lists = isinstance(error, SuiteError | PluginError)  # one mistake per line; their texts are escaped already
        echo(f"Error: {error if lists else printable(str(error))}", err=True)
        sys.exit(error.exit_status)
    except click.ClickException as error:
        vars(error)["message"] = printable_lines(error.message)  # click declares the attribute as final
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt) as stop:
        echo(interrupted_message(*filter(None, [str(stop)])), err=True)
        sys.exit(exit_status(stop))
    except BrokenPipeError:
        _drop_output()  # the process that read the pipe has ended
        sys.exit(1)
    except (MemoryError, ImportError) as error:
        if isinstance(error, ImportError) and UNMAPPED not in str(error):
            raise
        echo(f"Error: {OUT_OF_MEMORY}", err=True)
        sys.exit(1)
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        _drop_output()
        echo(f"Error: the output cannot be written ({error.strerror}); free some disk space.", err=True)
        sys.exit(1)


def _drop_output() -> None:
    """Discard buffered output; otherwise Python would try to write it at exit, and raise a second error."""
    with suppress(OSError, ValueError, AttributeError):  # stdout is not a file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
