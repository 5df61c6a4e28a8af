"""The functions with which commands print: only visible characters and our own line feeds reach the terminal."""

import sys
from contextlib import suppress

import click

from grokbench.text.escape import printable_lines
from grokbench.text.suggest import short

__all__ = ["LONGEST_LINE", "any_encoding", "can_print", "echo", "replace_line"]

LONGEST_LINE = 4000  # most characters in a line of a message; a message may quote a text of any length


def echo(text: object = "", err: bool = False, nl: bool = True, fg: str | None = None, bold: bool = False) -> None:
    """Print text; invisible characters are escaped.

    Args:
        text: the text. Only the program's own line feeds may be in it: apply `printable` to labels and to messages of
            other programs first.
        err: print to stderr, where long lines are cut.
        nl: add a line feed.
        fg: the colour of the text on a terminal.
        bold: print the text in bold on a terminal.
    """
    shown = printable_lines(str(text))
    if err:
        shown = "\n".join(short(line, LONGEST_LINE) for line in shown.split("\n"))
    click.echo(click.style(shown, fg=fg, bold=bold or None) if fg or bold else shown, nl=nl, err=err)


def replace_line(text: str) -> None:
    """Replace the last line of the terminal on stderr by a text."""
    click.echo(f"\r\x1b[2K{printable_lines(text)}", nl=False, err=True)


def any_encoding() -> None:
    """Make stdout and stderr escape the characters that their encoding lacks, instead of raising an error."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):  # there is no stream, or it is closed or of another kind
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def can_print(text: str) -> bool:
    """Return whether the encoding of stdout has all characters of a text."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")  # a stream of text has no encoding
    except UnicodeEncodeError:
        return False
    return True
