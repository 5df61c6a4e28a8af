"""The speed-ups over all tasks of a suite, as a short table below the tables of the tasks."""

from collections.abc import Sequence

from grokbench.judging.aggregate import Aggregate
from grokbench.judging.leaderboard import Leaderboard
from grokbench.report.text.table import Column, Columns, Key
from grokbench.text.lists import listed
from grokbench.text.numbers import NOTHING, interval, ratio

__all__ = ["HEADING", "over_tasks", "over_tasks_legend", "shown_aggregates"]

HEADING = "All tasks"
REASONS = {  # kind of bound -> the reason why a task is left out
    None: "no speed-up",
    "lower": "the baseline did not grok on every seed",
    "upper": "the method did not grok on every seed",
    "mixed": "neither grokked on every seed",
}


def shown_aggregates(leaderboard: Leaderboard) -> list[Aggregate]:
    """Select the methods that have a speed-up on several tasks."""
    return [each for each in leaderboard.aggregate if each.speedup is not None]


def over_tasks(leaderboard: Leaderboard) -> Columns | None:
    """Write the speed-ups over tasks as a table; None if no method has one."""
    found = shown_aggregates(leaderboard)
    shown = {
        Column("method", "left", Key.METHOD): [each.regularizer for each in found],
        Column("tasks", "right"): [f"{len(each.tasks)}/{len(each.tasks) + len(each.left_out)}" for each in found],
        Column(f"mean speed-up [{100 * leaderboard.statistics.confidence:g}%]", "right", Key.SPEEDUP): [
            interval(each.speedup, each.low, each.high) for each in found
        ],
        Column("without one task", "right", Key.WITHOUT): [_without(each) for each in found],
    }
    return Columns(tuple(shown), tuple(zip(*shown.values(), strict=True))) if found else None


def over_tasks_legend(leaderboard: Leaderboard) -> list[str]:
    """Explain the table of `over_tasks`, and name the tasks that are left out of a mean."""
    found = shown_aggregates(leaderboard)
    if not found:
        return []
    return [
        "Mean speed-up: the geometric mean over tasks, with a stratified bootstrap interval (seeds drawn with "
        "replacement within each task); it says nothing of other tasks. Without one task: its smallest and largest "
        "value when a task is left out.",
        *_left_out(found),
    ]


def _without(each: Aggregate) -> str:
    values = sorted(each.without.values())
    return f"{ratio(values[0])}x to {ratio(values[-1])}x" if values else NOTHING


def _left_out(found: Sequence[Aggregate]) -> list[str]:
    """Name the tasks left out of each mean; methods that leave out the same tasks share a sentence."""
    methods: dict[str, list[str]] = {}
    for each in found:
        if each.left_out:
            tasks = listed(f"{task} ({REASONS[bound]})" for task, bound in each.left_out.items())
            methods.setdefault(tasks, []).append(each.regularizer)
    if not methods:
        return []
    said = "; ".join(f"{tasks} for {listed(labels)}" for tasks, labels in methods.items())
    flattered = any(bound in ("upper", "mixed") for each in found for bound in each.left_out.values())
    more = " Where the method itself did not grok, its mean flatters it." if flattered else ""
    return [f"Left out of a mean: {said}.{more}"]
