"""A leaderboard as tables of LaTeX that a paper can take as they are. They need booktabs, and no other package."""

import re
from collections.abc import Iterator, Sequence
from string import ascii_lowercase

from grokbench.judging.best import best, rule
from grokbench.judging.ranking import Leaderboard, Row
from grokbench.report.text.prose import begun, by_task, environment_line, heading, legend, remarks, warnings
from grokbench.report.text.table import columns, strong
from grokbench.text.escape import UNICODE_CHAR, latex, latex_prose

__all__ = ["tables"]

MOST_ROWS = 40  # of a table: what stands on a page
LEFT_OUT = ("s/epoch", "p")  # a page is narrow; p's are left out where there is a corrected one
HEADERS = {"p": "$p$", "Holm p": "Holm $p$"}
SIGNS = {">=": "$\\geq$", "<=": "$\\leq$", ">": "$>$", "~": "$\\sim$"}
VERDICTS = {" not reproduced": ", no", " reproduced": ", yes", " inconclusive": ", open"}  # words that fit a page
VERDICT = re.compile(f"({'|'.join(VERDICTS)})$")
VERDICT_RULE = "Beside a published speed-up stands whether ours reproduces it: yes, no, or open."
SIGN = re.compile(r"^(>=|<=|>|~) ")
TIMES = re.compile(r"(?<=\d)x\b")  # the header says that it is a ratio
POWER = re.compile(r"(\d(?:\.\d+)?)e([+-])0*(\d+)")


def tables(leaderboard: Leaderboard) -> str:
    """A `table` of at most MOST_ROWS rows, or several; tasks are groups of rows, and footnotes stand below."""
    rows = [row for group in begun(leaderboard)[0].values() for row in group]
    parts = [rows[start : start + MOST_ROWS] for start in range(0, len(rows), MOST_ROWS)] or [[]]
    text = "\n\n".join("\n".join(_table(leaderboard, part, number)) for number, part in enumerate(parts, 1))
    head = ["% \\usepackage{booktabs}", f"% {' '.join(environment_line(leaderboard.environment).split())}"]
    return "\n".join([*head, *([UNICODE_CHAR] if "\\unicodechar" in text else []), text]) + "\n"


def _table(leaderboard: Leaderboard, part: Sequence[Row], number: int) -> Iterator[str]:
    notes = Footnotes(leaderboard)
    body = [line for task in dict.fromkeys(row.task for row in part) for line in _group(leaderboard, task, part, notes)]
    headers, sides, _ = _shown(leaderboard, [])
    yield from ("\\begin{table}", "\\centering", f"\\caption{{{latex_prose(_caption(leaderboard, number))}}}")
    yield f"\\label{{{_name(leaderboard.suite)}{'' if number == 1 else f'-{number}'}}}"
    yield "\\medskip"
    yield from (
        "\\footnotesize",
        "\\setlength{\\tabcolsep}{2.75pt}",
        f"\\begin{{tabular}}{{@{{}}{sides}@{{}}}}",
        "\\toprule",
    )
    yield _line([HEADERS.get(header, latex(header)) for header in headers])
    yield from (*body, "\\bottomrule", "\\end{tabular}")
    yield from ("", "\\medskip", "\\begin{minipage}{\\linewidth}\\raggedright", "\\\\\n".join(notes.lines()))
    yield from ("\\end{minipage}", "\\end{table}")


class Footnotes:
    """What is remarkable about the rows of a table, each remark once, under a letter."""

    def __init__(self, leaderboard: Leaderboard) -> None:
        """What belongs to all rows has no letter."""
        self.shared, self.waiting, self.legend = warnings(leaderboard), begun(leaderboard)[1], legend(leaderboard)
        self.legend += [VERDICT_RULE] if any(row.verdict for row in leaderboard.rows) else []
        self.letters: dict[str, str] = {}

    def mark(self, row: Row) -> str:
        """The letters of a row, as a superscript."""
        found = [self.letters.setdefault(remark, _letter(len(self.letters))) for remark in remarks(row, self.shared)]
        return f"\\textsuperscript{{{','.join(found)}}}" if found else ""

    def lines(self) -> Iterator[str]:
        """How to read the columns, every remark under its letter, and what belongs to all rows."""
        yield latex_prose(" ".join([*self.legend, *filter(None, [self.waiting])]))
        yield from (f"\\textsuperscript{{{letter}}}~{latex_prose(remark)}." for remark, letter in self.letters.items())
        yield from (latex_prose(f"Note: {note}.") for note in self.shared)


def _group(leaderboard: Leaderboard, task: str, part: Sequence[Row], notes: Footnotes) -> Iterator[str]:
    """The rows of a task under its name."""
    rows = [row for row in part if row.task == task]
    bold = best(by_task(leaderboard)[task], leaderboard.statistics)
    headers, sides, cells = _shown(leaderboard, rows)
    yield from (
        "\\midrule",
        f"\\multicolumn{{{len(sides)}}}{{@{{}}l@{{}}}}{{\\emph{{{latex(heading(task, leaderboard))}}}}} \\\\",
    )
    for row, (label, *values) in zip(rows, cells, strict=True):
        shown = [latex(label), *map(_number, values)]
        for i in strong(headers) if row in bold else ():
            shown[i] = f"\\textbf{{{shown[i]}}}"
        yield _line([shown[0] + notes.mark(row), *shown[1:]])


def _shown(leaderboard: Leaderboard, rows: Sequence[Row]) -> tuple[tuple[str, ...], str, tuple[tuple[str, ...], ...]]:
    """Headers, the letters of a tabular, and cells."""
    shown = columns(rows, leaderboard)
    for header in LEFT_OUT:
        if header != "p" or "Holm p" in shown.headers:
            shown = shown.without(header)
    return shown.headers, "".join(side[0] for side in shown.align), shown.cells


def _caption(leaderboard: Leaderboard, number: int) -> str:
    seeds = max((row.seeds for row in leaderboard.rows), default=0)
    paired = f", on {seeds} paired seeds" if seeds > 1 else ", on one seed" if seeds else ""
    again = " (continued)" if number > 1 else ""
    title = (
        f"Epochs to grok in the suite {leaderboard.suite}: every method against {leaderboard.baseline}{paired}{again}."
    )
    return f"{title} {rule(leaderboard.baseline, leaderboard.statistics)}"


def _number(text: str) -> str:
    """A cell other than a label, in TeX's signs."""
    sign = SIGN.match(text)
    rest = TIMES.sub("", text[sign.end() :] if sign else text)
    rest = VERDICT.sub(lambda found: VERDICTS[found[0]], rest)
    written = "--" if rest == "-" else POWER.sub(r"$\1\\cdot10^{\2\3}$", latex(rest)).replace("^{+", "^{")
    return f"{SIGNS[sign[1]]} {written}" if sign else written


def _line(cells: Sequence[str]) -> str:
    """A row; TeX would take what follows the end of the row before for an option if it began with one of these."""
    return f"{'{}' if cells[0].startswith(('[', '*')) else ''}{' & '.join(cells)} \\\\"


def _name(suite: str) -> str:
    """A label of LaTeX: letters, digits and hyphens."""
    return f"tab:{re.sub(r'[^A-Za-z0-9]+', '-', suite).strip('-') or 'leaderboard'}"


def _letter(number: int) -> str:
    """From a to z, then aa, ab and so on."""
    more, last = divmod(number, 26)
    return (_letter(more - 1) if more else "") + ascii_lowercase[last]
