"""Results folders on which the paper's claims hold: one with the curves of its figures, one like Table 1."""

from dataclasses import replace

from grokbench.records import Curve, Manifest, Outcome, Published, Run, Timing
from grokbench.store import Store

from .curve_folders import a_cell
from .result_folders import HERE

SEEDS = (1000, 1001)
EPOCHS = (0, 10, 50, 100)  # every network has memorised at 10
METHODS = ("baseline", "grokalign")
RISING = (0.2, 0.3, 0.4, 0.5)
CURVES = {
    ("xor", "baseline"): {
        "mean_alignment": (0.1, 0.1, 0.3, 0.6),
        "mean_norm": (1.0, 5.0, 3.0, 2.0),
        "test_accuracy": (0.5, 0.5, 0.97, 1.0),
        "noise_accuracy": (0.5, 0.5, 0.6, 0.99),
    },
    **{(loss, method): {"pc1": RISING} for loss in ("cross_entropy", "squared_error") for method in METHODS},
    ("mnist", "baseline"): {
        "centroid_alignment": (0.0, 0.02, 0.05, 0.1),
        "centroid_norm": (1.0, 5.0, 6.0, 7.0),
        "pgd": (0.0, 0.0, 0.2, 0.4),
        "test_accuracy": (0.1, 0.3, 0.7, 0.85),
    },
    ("mnist", "grokalign"): {
        "centroid_alignment": (0.0, 0.1, 0.4, 0.8),
        "centroid_norm": (1.0, 1.0, 1.0, 0.5),
        "pgd": (0.0, 0.1, 0.5, 0.7),
        "test_accuracy": (0.1, 0.85, 0.9, 0.95),
    },
    ("mnist", "grokunalign"): {
        "centroid_alignment": (0.0, 0.0, 0.01, 0.02),
        "centroid_norm": (1.0, 20.0, 30.0, 40.0),
        "test_accuracy": (0.1, 0.2, 0.3, 0.4),
    },
    **{
        ("mnist", method): {"centroid_alignment": (0.0, 0.1, 0.2, 0.4), "test_accuracy": (0.1, 0.4, 0.85, 0.9)}
        for method in ("gaussian_noise", "pgd_training")
    },
    ("cifar10", "baseline"): {"pgd_normalised": (0.1, 0.2, 0.3, 0.25), "mean": (0.1, 0.2, 0.3, 0.60)},
    ("cifar10", "grokalign"): {
        "pgd_normalised": (0.1, 0.2, 0.35, 0.4),
        "centroid_cosine": (0.0, 0.1, 0.2, 0.3),
        "mean": (0.1, 0.2, 0.3, 0.63),
    },
    ("learnt", "baseline"): {"gini": (0.2, 0.3, 0.6, 0.8)},
    ("learnt", "grokalign"): {"gini": (0.2, 0.2, 0.3, 0.4)},
    ("frozen", "baseline"): {"gini": RISING},
    ("frozen", "grokalign"): {"gini": RISING},
}  # fmt: skip
GROKKED = {
    ("mnist", "grokalign"): 60,
    ("learnt", "baseline"): 50,
    ("learnt", "grokalign"): 60,
    ("frozen", "grokalign"): 50,
}
TABLE = {
    "xor": {"baseline": 80, "grokfast": 78, "orthograd": 20, "grokalign": 40},
    "modular_addition": {"baseline": 80, "grokfast": 70, "orthograd": None, "grokalign": 60},
}
PUBLISHED = {"xor": {"baseline": 80, "orthograd": 20}, "modular_addition": {"baseline": 80, "grokalign": 60}}


def a_run(cell, seed, at=None, curves=None):
    """A replica that groks at an epoch; None: not by epoch 100."""
    found = {metric: Curve(EPOCHS, values) for metric, values in (curves or {}).items()}
    outcome, final = Outcome.CENSORED if at is None else Outcome.GROKKED, {k: c.values[-1] for k, c in found.items()}
    return Run(cell.identity, seed, outcome, at, 10, 100, final, found, group=SEEDS, provenance=HERE)


def figures(directory):
    """A folder with the tasks, methods and metrics of all figures."""
    cells = []
    for number, (task, method) in enumerate(CURVES):
        cell = a_cell(task, method, number, {"test_accuracy": "> 0.9"})
        cells.append(replace(cell, metrics=dict.fromkeys(CURVES[task, method], "higher")))
    with Store.open(directory, Manifest("figures", "", "baseline", SEEDS, tuple(cells))) as store:
        for cell in cells:
            for seed in SEEDS:
                store.save(a_run(cell, seed, GROKKED.get(cell.key), CURVES[cell.key]))
    return directory


def table(directory, epochs=TABLE, seconds=0.1):
    """A folder like Table 1.

    `epochs` maps task -> method -> the epochs of the first of six seeds; the other seeds grok somewhat later.

    An epoch of GrokAlign takes 0.15 seconds, one of another method `seconds`.
    """
    cells = [
        a_cell(task, method, f"{task}{method}", {"test_accuracy": "> 0.9"})
        for task, row in epochs.items()
        for method in row
    ]
    seeds = tuple(range(1000, 1006))
    with Store.open(
        directory, Manifest("table", "", "baseline", seeds, tuple(cells), published=Published("a paper", PUBLISHED))
    ) as store:
        for cell in cells:
            at = epochs[cell.task][cell.regularizer]
            for i, seed in enumerate(seeds):
                store.save(a_run(cell, seed, at and at + i % 3))
            cost = 0.15 if cell.regularizer == "grokalign" else seconds
            store.save_timing(Timing(cell.identity, (cost, 1.01 * cost, 1.02 * cost), HERE))
    return directory
