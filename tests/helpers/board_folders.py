"""Results folders like those of the open leaderboard: lasting grokking, recipe marks, privileges, timings."""

from grokbench.records import (
    Cell,
    Crossings,
    Manifest,
    Mark,
    MarkKind,
    Outcome,
    Recipe,
    Run,
    Skip,
    Statistics,
    Timing,
    Use,
)
from grokbench.records.recipe import identity
from grokbench.store import Store

from .result_folders import HERE

BUDGET, EVERY, HOLD, MEMORISED = 1000, 2, 100, 20
MARKS = {
    "rate_x3": (Mark(MarkKind.SETTING, "lr", 0.01, 0.03),),
    "grokfast_with_decay": (Mark(MarkKind.SETTING, "weight_decay", 0.1, 0.005),),
}
PRIVILEGES = {"ema": ("averaged_weights",)}
OTHERS = {"grokfast_with_decay": ("decay_of_grokfast",), "muon_one_step": ("muon",)}


def make(directory, tasks, seeds=8, skipped=(), lost=()):
    """Write a folder.

    Args:
        directory: the folder.
        tasks: task -> method -> epochs to grok of the first seeds; None: not by the budget.
        seeds: the number of planned seeds.
        skipped: cells (task, method) that are left out.
        lost: cells (task, method) whose first seed reaches the criterion twice, the first time in vain.
    """
    cells = tuple(_cell(task, method, methods) for task, methods in tasks.items() for method in methods)
    planned = tuple(range(1000, 1000 + seeds))
    manifest = Manifest(
        directory.name,
        "by hand",
        "baseline",
        planned,
        cells,
        tuple(Skip(*key, "by hand") for key in skipped),
        Statistics(rank_by="lasting"),
        execution={key: HERE[key] for key in ("device", "precision", "engine")},
        protocol="by-hand-1",
    )
    with Store.open(directory, manifest) as store:
        for cell in cells:
            times = tasks[cell.task][cell.regularizer]
            for i, (seed, at) in enumerate(zip(planned, times, strict=False)):
                store.save(_run(cell, seed, at, i == 0 and cell.key in lost))
            cost = 3 if cell.regularizer == "ema" else 2
            store.save_timing(Timing(cell.identity, (0.1 * cost, 0.11 * cost), HERE, flop_per_epoch=500 * cost))
    return directory


def _cell(task, method, methods):
    recipe = Recipe(
        task=Use(task, {}),
        regularizers=(Use(method, {}),),
        evaluate_every=EVERY,
        grokked={"test_accuracy": "> 0.95"},
        stop={"hold": HOLD},
    )
    others = tuple(label for label in OTHERS.get(method, ()) if label in methods)
    facts = {"marks": MARKS.get(method, ()), "privileges": PRIVILEGES.get(method, ()), "compare_to": others}
    return Cell(task, method, identity(recipe.data()), recipe, BUDGET, EVERY, {"test_accuracy": "higher"}, **facts)


def _run(cell, seed, at, lost):
    """A replica that reaches the criterion for good at an epoch; if it was lost, also 10 epochs earlier."""
    first = at - 10 if lost else at
    crossings = Crossings() if at is None else Crossings(first=first, lasting=at, strict=at, watched=HOLD // EVERY)
    outcome = Outcome.CENSORED if at is None else Outcome.GROKKED
    end = BUDGET + HOLD if at is None else at + HOLD
    memorised = min(MEMORISED, end)
    return Run(
        cell.identity, seed, outcome, first, memorised, end, {}, group=(seed,), provenance=HERE, crossings=crossings
    )
