"""A results folder as large as the leaderboard of accelerators: 30 methods, 5 tasks, 20 seeds, invented but valid runs.

It holds what such a leaderboard has: censored and diverged seeds, a method that never groks, privileges, recipe marks,
skipped cells, a task without a delay, an incomplete row, rows compared with other rows, and published numbers.
"""

import math
import random
from unittest import mock

from grokbench.records import (
    Cell,
    Crossings,
    Curve,
    Manifest,
    Mark,
    MarkKind,
    Outcome,
    Published,
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

TASKS = {  # task -> budget, evaluations between, median of the baseline, epochs to memorise
    "sparse_parity": (12000, 20, 2200, 60),
    "modular_addition": (9000, 20, 1700, 110),
    "modular_addition_wide": (16000, 40, 3100, 150),
    "modular_division": (4000, 10, 640, 140),  # no delay of five times
    "mnist_mse": (27000, 60, 5400, 580),
}
PACE = {"muon": 1.7, "muon_one_step": 1.3, "sam": 2.1, "egd": 1.5, "grokalign": 2.4, "soap": 2.8, "neuralgrok": 3.2}
PRIVILEGES = {
    "neuralgrok": ("second_model", "extra_labels"),
    "sam": ("extra_gradients",),
    "grokalign": ("loss",),
    "stablemax": ("loss",),
    "ema": ("averaged_weights",),
    "schedule_free": ("averaged_weights",),
    "groktransfer": ("second_model", "prior_knowledge"),
    "swa": ("averaged_weights",),
    "l2_to_initialisation": ("prior_knowledge",),
}
MARKS = {
    "tuned_baseline": (Mark(MarkKind.SETTING, "lr", 1e-3, 4e-3), Mark(MarkKind.SETTING, "weight_decay", 0.1, 1.3)),
    "rate_x3": (Mark(MarkKind.SETTING, "lr", 1e-3, 3e-3),),
    "decay_x10": (Mark(MarkKind.SETTING, "weight_decay", 0.1, 1.0),),
    "grokfast_decay_x10": (Mark(MarkKind.SETTING, "weight_decay", 0.1, 1.0),),
    "muon": (Mark(MarkKind.UPDATE, "hidden matrices"),),
    "muon_one_step": (Mark(MarkKind.UPDATE, "hidden matrices"),),
    "soap": (Mark(MarkKind.UPDATE, "hidden matrices"),),
    "stablemax": (Mark(MarkKind.LOSS),),
    "logit_temperature": (Mark(MarkKind.LOSS),),
    "ema": (Mark(MarkKind.AVERAGES),),
    "swa": (Mark(MarkKind.AVERAGES),),
    "schedule_free": (Mark(MarkKind.AVERAGES), Mark(MarkKind.RATE)),
    "cosine_warmup": (Mark(MarkKind.SCHEDULE, "cosine"), Mark(MarkKind.WARMUP, after=100.0)),
}
SPEEDS = {  # method -> speed-up, and spread of its log ratio over seeds
    "baseline": (1.0, 0.0),
    "tuned_baseline": (4.4, 0.12),
    "decay_x10": (3.4, 0.2),
    "grokfast": (1.04, 0.12),
    "grokfast_decay_x10": (3.3, 0.2),
    "stablemax": (1.6, 0.2),
    "grokalign": (11.0, 0.2),
    "groktransfer": (19.0, 0.3),
    "muon": (2.3, 0.1),
    "egd": (5.2, 0.15),
    "clip_to_grok": (7.5, 0.3),
    "sam": (1.3, 0.2),
    "neuralgrok": (0.45, 0.6),
    "placebo": (1.0, 0.08),
    "rate_x3": (2.6, 0.15),
    "grokfast_paper": (0.97, 0.15),
    "orthograd": (3.1, 0.25),
    "muon_one_step": (1.9, 0.12),
    "radial_suppression": (1.8, 0.2),
    "logit_temperature": (1.15, 0.1),
    "ema": (1.02, 0.05),
    "schedule_free": (0.7, 0.25),
    "spectral_decoupling": (1.1, 0.2),
    "label_smoothing": (0.35, 0.3),
    "lookahead": (0.9, 0.1),
    "swa": (1.01, 0.06),
    "l1": (1.25, 0.3),
    "l2_to_initialisation": (0.2, 0.3),
    "soap": (6.0, 0.2),
    "cosine_warmup": (0.85, 0.15),
}
NEVER = ("l2_to_initialisation",)  # hardly ever within the budget
SKIPPED = (
    ("mnist_mse", "stablemax", "squared error has no softmax"),
    ("mnist_mse", "logit_temperature", "squared error has no softmax"),
    ("mnist_mse", "label_smoothing", "squared error has no softmax"),
    ("sparse_parity", "groktransfer", "it needs an embedding"),
)
INCOMPLETE = ("modular_division", "soap")
HOLD = 200
EVALUATIONS = 60  # of a curve


def make(directory, methods=30, tasks=5, seeds=20):
    """Write the folder, or one with only the first tasks, methods and seeds."""
    labels, kept = list(SPEEDS)[:methods], list(TASKS)[:tasks]
    skips = tuple(Skip(*skip) for skip in SKIPPED if skip[0] in kept and skip[1] in labels)
    left_out = {(skip.task, skip.regularizer) for skip in skips}
    pairs = [(task, label) for task in kept for label in labels if (task, label) not in left_out]
    cells = tuple(_cell(task, label) for task, label in pairs)
    planned = tuple(range(1000, 1000 + seeds))
    published = Published(
        "Table 2 of an invented survey",
        {"sparse_parity": {"baseline": 2128.0, "orthograd": 256.0, "grokalign": 110.0, "grokfast": 1888.0}},
        speedups={"modular_addition": {"grokfast": 43.0, "egd": 6.0, "muon": 1.5}},
    )
    manifest = Manifest(
        suite="accelerators",
        description="The accelerators of the literature, with the settings of their authors (made up).",
        baseline="baseline",
        seeds=planned,
        cells=cells,
        skipped=skips,
        statistics=Statistics(rank_by="lasting"),
        published=published,
        execution={key: HERE[key] for key in ("device", "precision", "engine")},
    )
    with mock.patch("os.fsync"), Store.open(directory, manifest) as store:  # nobody needs the folder after a power cut
        for cell in cells:
            for seed in planned[: seeds - 2] if cell.key == INCOMPLETE else planned:
                store.save(_run(cell, seed, planned))
            store.save_timing(_timing(cell))
    return directory


def _cell(task, method):
    budget, every, _, _ = TASKS[task]
    recipe = Recipe(
        task=Use(task, {}),
        regularizers=(Use(method, {}),),
        evaluate_every=every,
        grokked={"test_accuracy": "> 0.95"},
        stop={"hold": HOLD},
    )
    metrics = {"train_accuracy": "higher", "test_accuracy": "higher", "softmax_collapse": None}
    more = {"privileges": PRIVILEGES.get(method, ()), "marks": MARKS.get(method, ())}
    others = ("decay_x10",) if method == "grokfast_decay_x10" else ()
    return Cell(task, method, identity(recipe.data()), recipe, budget, every, metrics, compare_to=others, **more)


def _epochs(cell, seed):
    """The first crossing of a replica; None: not by the budget, "diverged"."""
    budget, every, middle, _ = TASKS[cell.task]
    shared = random.Random(f"{cell.task} {seed}").gauss(0, 0.25)
    own = random.Random(f"{cell.key} {seed}")
    of_cell = random.Random(str(cell.key)).gauss(0, 0.25)
    ratio, spread = SPEEDS[cell.regularizer]
    known = cell.regularizer in ("baseline", "placebo")
    moved = 0.0 if known else of_cell * min(1.0, abs(math.log(ratio)))
    time = middle * math.exp(shared + own.gauss(0, spread) - math.log(ratio) - moved)
    at = max(every, round(time / every) * every)
    if cell.regularizer == "schedule_free" and own.random() < 0.2:
        return "diverged"
    return None if at > budget or cell.regularizer in NEVER and own.random() < 0.8 else at


def _run(cell, seed, group):
    """A replica with curves that climb to its crossing and stay."""
    budget, every, _, memorised = TASKS[cell.task]
    at = _epochs(cell, seed)
    grokked = isinstance(at, int)
    end = at + HOLD if grokked else budget + HOLD if at is None else budget // 3
    epochs = sorted({0, end, *(round(end * (i / EVALUATIONS) ** 1.6 / every) * every for i in range(EVALUATIONS))})
    epochs = tuple(epoch for epoch in epochs if epoch <= end)
    middle = at if grokked else 2 * budget
    climbed = tuple(0.02 + 0.97 / (1 + math.exp(-9 * (epoch / middle - 0.75))) for epoch in epochs)
    memory = tuple(min(1.0, 0.02 + epoch / memorised) for epoch in epochs)
    collapse = tuple(0.3 * epoch / end for epoch in epochs)
    curves = {"train_accuracy": memory, "test_accuracy": climbed, "softmax_collapse": collapse}
    kept = {label: Curve(epochs, values) for label, values in curves.items()}
    final = {label: curve.values[-1] for label, curve in kept.items()}
    outcome = Outcome.GROKKED if grokked else Outcome.CENSORED if at is None else Outcome.DIVERGED
    crossings = Crossings(first=at, lasting=at, strict=at, watched=HOLD // every) if grokked else Crossings()
    return Run(
        cell.identity,
        seed,
        outcome,
        at if grokked else None,
        min(memorised, end),
        end,
        final,
        kept,
        group=group,
        provenance=HERE,
        crossings=crossings,
    )


def _timing(cell):
    own = random.Random(f"time {cell.key}")
    pace = 0.002 * PACE.get(cell.regularizer, 1.1) * (1 + list(TASKS).index(cell.task))
    steady = 0.25 if own.random() < 0.2 else 0.02
    return Timing(cell.identity, tuple(pace * math.exp(own.gauss(0, steady)) for _ in range(7)), HERE)
