"""The section of the open leaderboard on the claims of the literature: each with the measured ratios and a verdict."""

from collections.abc import Iterator, Mapping

from claims.board import POWER, Board
from claims.literature import CLAIMS, Contrast, Reported
from claims.markdown import table
from claims.verdicts import SMALLEST, Measured, Verdict, over_tasks, per_task
from grokbench.text.numbers import NOTHING, interval, times

__all__ = ["overview", "sections", "verdict"]

Boards = Mapping[str, Board]  # name of a suite -> the suite
COLUMNS = ("task", "ratio of", "grokked", "speed-up", "Holm p", "seeds", "seconds", "published", "result")


def overview(boards: Boards) -> str:
    """Return a table of all claims with their verdicts."""
    lines = []
    for claim in CLAIMS:
        tasks = ", ".join(dict.fromkeys(f"`{task}`" for each in claim.contrasts for task in each.published))
        anchor = claim.name.lower().replace(" ", "-")
        lines.append([f"[{claim.name}](#{anchor})", tasks, f"*{verdict(claim, boards)}*"])
    return table(("claim", "tasks that decide", "verdict"), lines)


def verdict(claim: Reported, boards: Boards) -> Verdict:
    """Judge a claim over the tasks that decide."""
    return over_tasks(
        [
            per_task(_measured(boards[each.suite], task, each), published)
            for each in claim.contrasts
            for task, published in each.published.items()
        ]
    )


def sections(boards: Boards) -> Iterator[str]:
    """Yield the paragraphs on every claim."""
    for claim in CLAIMS:
        yield f"### {claim.name}"
        yield f"*Claim.* {claim.says} ({claim.source})"
        yield f"*Here.* {claim.differs}"
        rows = [line for each in claim.shown for line in _lines(each, boards[each.suite])]
        yield table(COLUMNS, rows)
        yield f"Verdict: *{verdict(claim, boards)}*."


def _lines(contrast: Contrast, board: Board) -> Iterator[list[str]]:
    """Yield the cells of a line for each task on which both rows are planned; the tasks that decide are bold."""
    for task in board.tasks:
        if {(task, contrast.method), (task, contrast.against or board.baseline)} <= set(board.planned):
            yield _line(contrast, board, task)


def _line(contrast: Contrast, board: Board, task: str) -> list[str]:
    found, decides = _measured(board, task, contrast), task in contrast.published
    names = [f"`{contrast.method}`", f"`{contrast.against or board.baseline}`"]
    sides = names[::-1] if contrast.slower else names
    return [
        f"**{task}**" if decides else task,
        f"{sides[0]} over {sides[1]}{', tuned' if board.tuned else ''}",
        *_numbers(found, board),
        _seconds(contrast, board, task, found),
        times(contrast.published.get(task)),
        _verdict(contrast, board, task, found) if decides else _conclusion(found),
    ]


def _measured(board: Board, task: str, contrast: Contrast) -> Measured | None:
    found = board.measured(task, contrast.method, contrast.against)
    return found.inverted() if found and contrast.slower else found


def _numbers(found: Measured | None, board: Board) -> list[str]:
    """Write the seeds that grokked on both sides, the ratio with its interval, p, and the seeds that have run."""
    if found is None or not found.complete:
        return [NOTHING, NOTHING, NOTHING, f"{found.finished if found else 0} of {board.seeds}"]
    return [
        f"{found.grokked[0]}, {found.grokked[1]}",
        interval(found.speedup, found.low, found.high, found.bound),
        NOTHING if found.p is None else f"{found.p:.2g}",
        str(found.seeds),
    ]


def _seconds(contrast: Contrast, board: Board, task: str, found: Measured | None) -> str:
    """Write the ratio of seconds to grok, which the folder has only for methods over the baseline."""
    row = board.rows.get((task, contrast.method))
    if row is None or contrast.against or contrast.slower or found is None or not found.complete:
        return NOTHING
    return times(row.seconds_shown, row.seconds_shown_bound)


def _conclusion(found: Measured | None) -> str:
    return found.conclusion or NOTHING if found and found.complete else str(Verdict.NOT_RUN)


def _verdict(contrast: Contrast, board: Board, task: str, found: Measured | None) -> str:
    """Write the verdict on a task; if the present seeds do not decide, say how many would."""
    judged = per_task(found, contrast.published[task])
    if judged is not Verdict.NOT_DECIDED or found is None:
        return f"*{judged}*"
    if found.speedup is None or found.bound in ("upper", "mixed"):
        return f"*{judged}*: seeds that did not grok leave no interval; this takes a longer budget, not more seeds"
    ratio = contrast.published[task] or SMALLEST
    needed = board.seeds_needed(task, contrast.method, contrast.against, ratio)
    many = "more than 1000" if needed is None else f"some {needed}"
    return f"*{judged}*: {many} seeds would show a ratio of {times(ratio)} with probability {POWER:g}"
