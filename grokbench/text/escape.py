"""Escapes for text from users or files, so that terminals, HTML, Markdown, LaTeX and spreadsheets only show it.

Labels, notes and error messages come from files that other people may have written. `printable` and `printable_lines`
leave only visible characters; the functions for the other media call them first.
"""

import re
import unicodedata
from typing import Any

__all__ = [
    "UNICODE_CHAR",
    "csv_cell",
    "latex",
    "latex_prose",
    "markdown",
    "printable",
    "printable_data",
    "printable_lines",
]

MOST_MARKS = 4  # most combining marks in a row; more would cover other lines, and no writing system needs them
# Characters that `str.isprintable` accepts but that are invisible: fillers, joiners and variation selectors.
INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
FORMULA = tuple("=+-@＝＋－＠")  # a spreadsheet calculates a cell that begins with one of these characters

MARKDOWN = {"&": "&amp;", "\\": "\\\\", "|": "\\|", "*": "\\*", "`": "\\`", "<": "&lt;", "\n": " ", "\r": " "}
# Characters that are markup in some positions only: an underscore at the edge of a word, the end of a strikethrough or
# of a link's text, and at the start of the text a heading, list, task box or reference. Elsewhere they stay unescaped.
POSITIONAL = re.compile(r"(?<![^\W_])_|_(?![^\W_])|(?<=\S)~|\](?=[(\[])|^(?:#|[-+](?= )|\[(?=[ xX]\] |[^\]]*\]:))")
LATEX = {
    **{char: f"\\{char}" for char in "&%$#_{}"},
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "|": "\\textbar{}",
    "`": "\\textasciigrave{}",
    '"': "\\char34{}",  # correct also if babel makes the character active
    "\N{NO-BREAK SPACE}": "~",
    **dict(zip("–—…‘’“”", ("--", "---", "\\ldots{}", "`", "'", "``", "''"), strict=True)),
    **{char: f"\\{name}{{}}" for char, name in zip("ßæÆœŒøØłŁ§", "ss ae AE oe OE o O l L S".split(), strict=True)},
}
GREEK = (
    "alpha beta gamma delta varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho varsigma sigma tau upsilon "
    "varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
)
SIGNS = "times cdot pm leq geq neq approx infty rightarrow leftarrow mu"
MATHS = {
    **dict(zip("αβγδεζηθικλμνξπρςστυφχψωΓΔΘΛΞΠΣΥΦΨΩ", GREEK.split(), strict=True)),
    **dict(zip("×·±≤≥≠≈∞→←\N{MICRO SIGN}", SIGNS.split(), strict=True)),
}
ACCENTS = dict(
    zip("\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0327", "`'^~=u.\"rHvc", strict=True)
)
CONTROL = re.compile("[\x00-\x1f\x7f]")
LIGATURES = "-',"  # TeX replaces two of these characters in a row by another sign
# For characters that pdfTeX lacks: XeTeX and LuaTeX show the character if the font has it; pdfTeX shows its code point.
UNICODE_CHAR = "\\providecommand{\\unicodechar}[2]{\\ifdefined\\Umathcode#2\\else U+#1\\fi}"


def printable(text: str, keep: str = "") -> str:
    """Escape invisible characters, so that text cannot control a terminal, reorder what it shows or break a line.

    Args:
        text: any text; it may contain lone surrogates.
        keep: characters that are not escaped.
    """
    if text.isascii() and text.isprintable():
        return text
    shown, marks = [], 0
    for char in text:
        marks = marks + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        visible = char.isprintable() and marks <= MOST_MARKS and not INVISIBLE.match(char)
        shown.append(char if visible or char in keep else char.encode("unicode_escape").decode())
    return "".join(shown)


def printable_lines(text: str) -> str:
    """Escape invisible characters except line feeds, for text whose line feeds are our own."""
    return printable(text, keep="\n")


def printable_data(data: Any) -> Any:
    """Escape every text in JSON data with `printable_lines`; structure and keys do not change."""
    if isinstance(data, str):
        return printable_lines(data)
    if isinstance(data, dict):
        return {key: printable_data(value) for key, value in data.items()}
    return [printable_data(value) for value in data] if isinstance(data, list | tuple) else data


def csv_cell(text: str) -> str:
    """Escape text for a field of a csv file; an apostrophe precedes text that a spreadsheet would calculate."""
    shown = printable(text)
    return f"'{shown}" if shown.startswith(FORMULA) else shown


def markdown(text: str) -> str:
    """Escape text for a line or a table cell of Markdown; only a plain URL still becomes a link."""
    always = "".join(MARKDOWN.get(char, char) for char in printable(text, keep="\n\r"))
    return POSITIONAL.sub(r"\\\g<0>", always)


def latex(text: str) -> str:
    """Escape text for any LaTeX engine, without packages; the document must define UNICODE_CHAR."""
    composed = printable(unicodedata.normalize("NFC", CONTROL.sub(" ", text)), keep="\N{NO-BREAK SPACE}")
    before = " " + composed
    return "".join(_letter(char, last) for last, char in zip(before, composed, strict=False))


def latex_prose(text: str) -> str:
    """Escape sentences for LaTeX, with `>=`, `<=` and a free-standing `~` as mathematical signs."""
    found = latex(text).replace("\\textgreater{}=", "$\\geq$").replace("\\textless{}=", "$\\leq$")
    return re.sub(r" \\textasciitilde\{\}(?=[ :])", r" $\\sim$", found)


def _letter(char: str, last: str) -> str:
    """Escape one character; `last` is the character before it."""
    if char in LATEX:
        return LATEX[char]
    if char.isascii():
        apart = "{}" if char == last and char in LIGATURES else ""
        return apart + char
    if char in MATHS:
        return f"\\ensuremath{{\\{MATHS[char]}}}"
    parts = unicodedata.normalize("NFD", char)
    if len(parts) == 2 and parts[0].isascii() and parts[1] in ACCENTS:
        return f"\\{ACCENTS[parts[1]]}{{{parts[0]}}}"
    return f"\\unicodechar{{{ord(char):04X}}}{{{char}}}"
