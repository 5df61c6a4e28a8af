"""Text of others, written so that a terminal, Markdown and LaTeX show it and do nothing else."""

import re
import unicodedata

__all__ = ["UNICODE_CHAR", "latex", "latex_prose", "markdown", "printable"]

MARKDOWN = {"&": "&amp;", "\\": "\\\\", "|": "\\|", "*": "\\*", "`": "\\`", "<": "&lt;", "\n": " ", "\r": " "}
# What acts in some places only: an underscore not within a word, what closes a crossing out or the text of a link, and
# at the beginning what makes a heading, a list, a box to tick or a reference. Elsewhere they stay readable as source.
SOMETIMES = re.compile(r"(?<![^\W_])_|_(?![^\W_])|(?<=\S)~|\](?=[(\[])|^(?:#|[-+](?= )|\[(?=[ xX]\] |[^\]]*\]:))")
LATEX = {
    **{char: f"\\{char}" for char in "&%$#_{}"},
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "|": "\\textbar{}",
    "`": "\\textasciigrave{}",
    '"': "\\char34{}",  # itself, also where babel gives it a meaning
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
JOINED = "-',"  # TeX makes another sign of two of them
# What pdfTeX has no letter for: XeTeX and LuaTeX show it, if the font has it, and pdfTeX its number.
UNICODE_CHAR = "\\providecommand{\\unicodechar}[2]{\\ifdefined\\Umathcode#2\\else U+#1\\fi}"


def printable(text: str) -> str:
    """Control characters as escapes: a label or a message must not steer the terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def markdown(text: str) -> str:
    """Text within a line or a cell of Markdown, in which nothing acts but an address that is written out."""
    always = "".join(MARKDOWN.get(char, char) for char in text)
    return SOMETIMES.sub(r"\\\g<0>", always)


def latex(text: str) -> str:
    """Text for LaTeX, by any of its engines and without a package; it may use the command of UNICODE_CHAR."""
    composed = unicodedata.normalize("NFC", text)
    before = " " + composed
    return "".join(_letter(char, last) for last, char in zip(before, composed, strict=False))


def latex_prose(text: str) -> str:
    """Sentences for LaTeX: the comparisons in them in signs of mathematics."""
    found = latex(text).replace("\\textgreater{}=", "$\\geq$").replace("\\textless{}=", "$\\leq$")
    return re.sub(r" \\textasciitilde\{\}(?=[ :])", r" $\\sim$", found)


def _letter(char: str, last: str) -> str:
    if char in LATEX:
        return LATEX[char]
    if char.isascii():
        apart = "{}" if char == last and char in JOINED else ""
        return apart + (char if char.isprintable() else " ")
    if char in MATHS:
        return f"\\ensuremath{{\\{MATHS[char]}}}"
    parts = unicodedata.normalize("NFD", char)
    if len(parts) == 2 and parts[0].isascii() and parts[1] in ACCENTS:
        return f"\\{ACCENTS[parts[1]]}{{{parts[0]}}}"
    return f"\\unicodechar{{{ord(char):04X}}}{{{char}}}"
