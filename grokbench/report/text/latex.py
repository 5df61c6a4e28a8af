"""A leaderboard as LaTeX tables for a paper. The only package that they need is booktabs."""

import re
from collections.abc import Iterator, Sequence
from string import ascii_lowercase

from grokbench.judging.best import best, rule
from grokbench.judging.leaderboard import Leaderboard
from grokbench.judging.ordering import is_large
from grokbench.judging.row import Row
from grokbench.judging.verdicts import Reproduction
from grokbench.report.text.prose import (
    begun,
    by_task,
    environment_line,
    heading,
    legend,
    task_notes,
    warnings,
)
from grokbench.report.text.said_once import footnotes
from grokbench.report.text.table import Column, Columns, Key, columns
from grokbench.text.escape import UNICODE_CHAR, latex, latex_prose, printable

__all__ = ["tables"]

MOST_ROWS = 40  # most rows of a table that fits on a page
ITALIC_P = re.compile(r"\bp$")
SIGNS = {">=": "$\\geq$", "<=": "$\\leq$", ">": "$>$", "~": "$\\sim$"}
VERDICTS = {  # verdicts in short words, which fit on a page
    Reproduction.REPRODUCED: ", yes",
    Reproduction.CONSISTENT: ", either",
    Reproduction.NO_EFFECT: ", none",
    Reproduction.NOT_REPRODUCED: ", no",
    Reproduction.INCONCLUSIVE: ", open",
}
VERDICT_RULE = (
    "Beside a published speed-up stands whether ours reproduces its effect: yes, no, or open; either: consistent with "
    "it and with no effect; none: no effect shown, and the published speed-up excluded."
)
SIGN = re.compile(r"^(>=|<=|>|~) ")
TIMES = re.compile(r"(?<=\d)x\b")  # the x of a ratio; left out, because the header says that numbers are ratios
POWER = re.compile(r"(\d(?:\.\d+)?)e([+-])0*(\d+)")


def tables(leaderboard: Leaderboard) -> str:
    """Write a `table`, or several with at most MOST_ROWS rows each. Rows are grouped by task; footnotes stand below."""
    rows = [row for group in begun(leaderboard)[0].values() for row in group]
    parts = [rows[start : start + MOST_ROWS] for start in range(0, len(rows), MOST_ROWS)] or [[]]
    text = "\n\n".join("\n".join(_table(leaderboard, part, number)) for number, part in enumerate(parts, 1))
    head = ["% \\usepackage{booktabs}", f"% {printable(' '.join(environment_line(leaderboard.environment).split()))}"]
    return "\n".join([*head, *([UNICODE_CHAR] if "\\unicodechar" in text else []), text]) + "\n"


def _table(leaderboard: Leaderboard, part: Sequence[Row], number: int) -> Iterator[str]:
    notes = Footnotes(leaderboard)
    body = [line for task in dict.fromkeys(row.task for row in part) for line in _group(leaderboard, task, part, notes)]
    heads = _shown(leaderboard, []).heads
    yield from ("\\begin{table}", "\\centering", f"\\caption{{{latex_prose(_caption(leaderboard, number))}}}")
    yield f"\\label{{{_name(leaderboard.suite)}{'' if number == 1 else f'-{number}'}}}"
    yield "\\medskip"
    yield from (
        "\\footnotesize",
        "\\setlength{\\tabcolsep}{2.75pt}",
        f"\\begin{{tabular}}{{@{{}}{''.join(head.side[0] for head in heads)}@{{}}}}",
        "\\toprule",
    )
    yield _line(list(map(_header, heads)))
    yield from (*body, "\\bottomrule", "\\end{tabular}")
    tasks = dict.fromkeys(row.task for row in part)
    said = [latex_prose(f"{text}.") for task in tasks for text in task_notes(task, leaderboard)]
    lines = [*notes.lines(), *said, *_contrasts(part)]
    yield from ("", "\\medskip", "\\begin{minipage}{\\linewidth}\\raggedright", "\\\\\n".join(lines))
    yield from ("\\end{minipage}", "\\end{table}")


def _contrasts(part: Sequence[Row]) -> Iterator[str]:
    """Yield a line for each comparison with a row other than the baseline."""
    for row in part:
        for each in row.comparisons:
            yield latex_prose(f"{row.regularizer} on {row.task} {each.note}.")


class Footnotes:
    """The notes below a table. A note on single rows has a letter; a note on all rows has no letter."""

    def __init__(self, leaderboard: Leaderboard) -> None:
        """Begin without letters; `mark` assigns them."""
        self.shared, self.waiting, self.legend = warnings(leaderboard), begun(leaderboard)[1], legend(leaderboard)
        self.legend += [VERDICT_RULE] if any(row.verdict for row in leaderboard.rows) else []
        self.letters: dict[str, str] = {}
        self.large = is_large(leaderboard)

    def mark(self, row: Row) -> str:
        """Write the letters of a row as a superscript; equal notes have the same letter."""
        said = footnotes(row, self.shared, self.large)
        found = [self.letters.setdefault(text, _letter(len(self.letters))) for text in said]
        return f"\\textsuperscript{{{','.join(found)}}}" if found else ""

    def lines(self) -> Iterator[str]:
        """Yield the legend, every note under its letter, and the warnings on all rows."""
        yield latex_prose(" ".join([*self.legend, *filter(None, [self.waiting])]))
        yield from (f"\\textsuperscript{{{letter}}}~{latex_prose(text)}." for text, letter in self.letters.items())
        yield from (latex_prose(f"Note: {note}.") for note in self.shared)


def _group(leaderboard: Leaderboard, task: str, part: Sequence[Row], notes: Footnotes) -> Iterator[str]:
    """Yield the rows of a task under its name."""
    rows = [row for row in part if row.task == task]
    bold = best(by_task(leaderboard)[task])
    table = _shown(leaderboard, rows)
    named = TIMES.sub("", heading(task, leaderboard))
    yield from (
        "\\midrule",
        f"\\multicolumn{{{len(table.heads)}}}{{@{{}}l@{{}}}}{{\\emph{{{latex(named)}}}}} \\\\",
    )
    for row, (label, *values) in zip(rows, table.cells, strict=True):
        shown = [latex(label), *map(_number, values)]
        for i, head in enumerate(table.heads):
            if row in bold and head.strong:
                shown[i] = f"\\textbf{{{shown[i]}}}"
        yield _line([shown[0] + notes.mark(row), *shown[1:]])


def _shown(leaderboard: Leaderboard, rows: Sequence[Row]) -> Columns:
    """Choose the columns that fit on a page: no seconds per epoch, and only the corrected p if there is one."""
    shown = columns(rows, leaderboard, VERDICTS).without(Key.SECONDS_PER_EPOCH)
    return shown.without(Key.P) if any(head.key == Key.P_HOLM for head in shown.heads) else shown


def _header(head: Column) -> str:
    header = latex(head.header)
    return ITALIC_P.sub("$p$", header) if head.key in (Key.P, Key.P_HOLM) else header


def _caption(leaderboard: Leaderboard, number: int) -> str:
    seeds = max((row.seeds for row in leaderboard.rows), default=0)
    paired = f", on {seeds} paired seeds" if seeds > 1 else ", on one seed" if seeds else ""
    again = " (continued)" if number > 1 else ""
    title = (
        f"Epochs to grok in the suite {leaderboard.title}: every method against {leaderboard.baseline}{paired}{again}."
    )
    return f"{title} {rule(leaderboard.baseline, leaderboard.statistics)}"


def _number(text: str) -> str:
    """Write a cell that is not a label, with TeX's mathematical signs."""
    sign = SIGN.match(text)
    rest = TIMES.sub("", text[sign.end() :] if sign else text)
    written = "--" if rest == "-" else POWER.sub(r"$\1\\cdot10^{\2\3}$", latex(rest)).replace("^{+", "^{")
    return f"{SIGNS[sign[1]]} {written}" if sign else written


def _line(cells: Sequence[str]) -> str:
    """Write a row. `{}` precedes an initial [ or *, which LaTeX would read as an option of the previous row's end."""
    return f"{'{}' if cells[0].startswith(('[', '*')) else ''}{' & '.join(cells)} \\\\"


def _name(suite: str) -> str:
    """Make a LaTeX label of letters, digits and hyphens."""
    return f"tab:{re.sub(r'[^A-Za-z0-9]+', '-', suite).strip('-') or 'leaderboard'}"


def _letter(number: int) -> str:
    """Name a footnote: from a to z, then aa, ab and so on."""
    more, last = divmod(number, 26)
    return (_letter(more - 1) if more else "") + ascii_lowercase[last]
