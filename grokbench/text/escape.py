"""Escapes for untrusted text, so that a terminal, Markdown and LaTeX show it literally."""

import re
import unicodedata

__all__ = ["UNICODE_CHAR", "latex", "latex_prose", "markdown", "printable"]

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
    '"': "\\char34{}",  # also where babel makes it active
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
LIGATURES = "-',"  # TeX turns two of these characters into another sign
# For characters that pdfTeX lacks: XeTeX and LuaTeX show the character if the font has it, pdfTeX its code point.
UNICODE_CHAR = "\\providecommand{\\unicodechar}[2]{\\ifdefined\\Umathcode#2\\else U+#1\\fi}"


def printable(text: str) -> str:
    """Replace control characters by escapes, so that a label or a message cannot control the terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def markdown(text: str) -> str:
    """Escape text for a line or a table cell of Markdown; only a plain URL still becomes a link."""
    always = "".join(MARKDOWN.get(char, char) for char in text)
    return POSITIONAL.sub(r"\\\g<0>", always)


def latex(text: str) -> str:
    """Escape text for any LaTeX engine, without packages; the document must define UNICODE_CHAR."""
    composed = unicodedata.normalize("NFC", text)
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
        return apart + (char if char.isprintable() else " ")
    if char in MATHS:
        return f"\\ensuremath{{\\{MATHS[char]}}}"
    parts = unicodedata.normalize("NFD", char)
    if len(parts) == 2 and parts[0].isascii() and parts[1] in ACCENTS:
        return f"\\{ACCENTS[parts[1]]}{{{parts[0]}}}"
    return f"\\unicodechar{{{ord(char):04X}}}{{{char}}}"
