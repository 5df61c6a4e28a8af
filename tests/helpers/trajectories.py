"""Losses and parameters of every shipped task and method after 20 float64 steps; they change only with a revision.

`python -m tests.helpers.trajectories` writes trajectories.json anew. It refuses if numbers changed and
no revision did.
"""

import json
import math
import sys
from pathlib import Path
from unittest.mock import patch

import torch

from grokbench import data, engine, random
from grokbench.conformance.small_plugins import TASKS

from .small_cells import epochs_for, make_step, method, pairs, photographs, small, stripes

FILE = Path(__file__).with_name("trajectories.json")
SEEDS = (4, 1000)
GROUNDS = ("xor", "sparse_parity", "modular_addition")  # tasks on which every method changes the numbers
TOLERANCE = 1e-9  # relative: other libraries of linear algebra round differently
AGAIN = "write the file anew: python -m tests.helpers.trajectories"


def entries():
    """Label -> task label and method label: every method on every ground, the other tasks under the baseline."""
    others = [(task, "baseline") for task in TASKS if task not in GROUNDS]
    return {f"{task} / {name}": (task, name) for task, name in pairs(GROUNDS) + others}


def trajectory(task_label, method_label):
    """The revisions, and a summary of the second replica: losses, and a norm and a projection of each parameter."""
    with patch.object(data, "mnist", lambda root=None: images), patch.object(data, "cifar10", lambda root=None: photos):
        task, regularizer = small(task_label), method(method_label)
        step = make_step(task, [regularizer])
        group, _ = engine.start(step, SEEDS, "cpu", torch.float64)
        for epoch in range(epochs_for(task, 20)):
            group = engine.train_epoch(step, group, epoch)
        losses = [label for label in step.metrics if label.endswith("_loss")]
        values = engine.evaluate(step, group, losses, 0, {})[1]
    return {
        "revisions": {"engine": engine.REVISION, "task": task.revision, "regularizer": regularizer.revision},
        "losses": values,
        "parameters": {name: summary(name, p[1]) for name, p in group.params.items()},
    }


images, photos = stripes(), photographs()


def summary(name, tensor):
    """The norm of a parameter, and its product with a fixed random direction."""
    direction = random.normal(random.fold(random.key(0), "projection", name), tuple(tensor.shape))
    return [float(tensor.norm()), float((tensor * direction).sum() / direction.norm())]


def current():
    """Every trajectory of the current program."""
    return {label: trajectory(*pair) for label, pair in entries().items()}


def stored():
    """Every committed trajectory."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def moved(before, after):
    """What differs by more than rounding between two trajectories; empty if nothing does."""
    if list(before["losses"]) != list(after["losses"]) or list(before["parameters"]) != list(after["parameters"]):
        return "what is recorded"
    for label, value in after["losses"].items():
        if not math.isclose(value, before["losses"][label], rel_tol=TOLERANCE):
            return f"{label}, {before['losses'][label]!r} before and {value!r} now"
    for name, (norm, projection) in after["parameters"].items():
        old = before["parameters"][name]
        apart = max(abs(norm - old[0]), abs(projection - old[1]))
        if not apart <= TOLERANCE * old[0]:
            return f"{name}, apart by {apart / old[0]:.1e} of its norm"
    return ""


def unannounced(label, before, after):
    """The complaint about numbers that changed while every revision stayed; empty if there is none."""
    difference = moved(before, after)
    if not difference or before["revisions"] != after["revisions"]:
        return ""
    return (
        f"{label}: the numbers changed ({difference}) and no revision did. If that is meant, raise `revision` of the "
        f"task or regularizer, or engine.REVISION where every method changed; then {AGAIN}"
    )


def complaint(label, before, after):
    """The complaint about one entry of the file; empty if there is none."""
    if before is None:
        return f"{label}: trajectories.json has no such entry; {AGAIN}"
    if after is None:
        return f"{label}: trajectories.json has an entry, and nothing shipped has this label; {AGAIN}"
    if said := unannounced(label, before, after):
        return said
    if before["revisions"] != after["revisions"]:
        return f"{label}: trajectories.json is of the revisions {before['revisions']}; {AGAIN}"
    return ""


def main():
    """Write the file anew, unless numbers changed and no revision did."""
    before, after = stored() if FILE.exists() else {}, current()
    refused = [said for label in after if label in before and (said := unannounced(label, before[label], after[label]))]
    if refused:
        sys.exit("\n".join([*refused, "Nothing was written."]))
    kept = {  # numbers that moved by rounding only stay as they are
        label: before[label] if label in before and not complaint(label, before[label], now) else now
        for label, now in after.items()
    }
    fresh = FILE.with_suffix(".new")
    fresh.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    fresh.replace(FILE)
    print(f"{len(kept)} trajectories in {FILE.name}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
