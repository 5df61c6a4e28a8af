"""Kept weights and checkpoints: the readers measure a metric on the weights, and train a group from the checkpoint."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from fuzzing.targets import Target
from fuzzing.targets.results import make_plan, make_results

__all__ = ["checkpoints", "weights"]

SUITE = """\
suite: tiny
seeds: 1000-1001
baseline: baseline
tasks: {parity: {use: sparse_parity, bits: 8, width: 8, samples: 40, epochs: 6, evaluate_every: 2, stop: budget}}
regularizers: {baseline: {}, fast: {use: grokfast_ema, alpha: 0.8, lamb: 0.1}}
weights: final
"""


def weights(folder: Path) -> Target:
    """Make the target of kept weights, on which a metric is measured; the digest of the run is always right.

    Args:
        folder: an empty folder.
    """
    import torch
    from safetensors.torch import save

    from grokbench.engine import start
    from grokbench.plan import cell_step
    from grokbench.runner.evaluating import Inquiry, evaluate
    from grokbench.store import Store

    torch.set_num_threads(1)
    made = make_results(folder, SUITE)
    group, _ = start(cell_step(made.cell, made.plan.registry), (1000, 1001), "cpu", torch.float32)
    own = {name: each[0].contiguous() for name, each in group.params.items()}
    inquiry = Inquiry("test_loss", regularizers=("baseline",))
    store = Store.load(made.folder)
    runs = [run for run in store.runs_of(made.cell, made.plan.seeds, curves=True) if run.outcome != "failed"]

    def read(data: bytes) -> None:
        for run in runs:
            file = store.layout.weights(run.identity, run.seed, run.epochs)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
            store.save(replace(run, weights={run.epochs: hashlib.sha256(data).hexdigest()}))
        evaluate(Store.load(made.folder), inquiry, made.plan.registry)

    read(sound := save(own, metadata={"grokbench": json.dumps({"task": "parity"})}))
    return Target(read, (sound,), "safetensors")


def checkpoints(folder: Path) -> Target:
    """Make the target of checkpoints, with which a group is trained to its end.

    Args:
        folder: an empty folder.
    """
    import torch

    from grokbench import engine
    from grokbench.engine.checkpoints import CheckpointFile
    from grokbench.plan import cell_step

    torch.set_num_threads(1)
    plan = make_plan(folder, SUITE)
    cell = replace(plan.cells[1], weights=type(plan.cells[1].weights)())
    step = cell_step(cell, plan.registry)

    def place(seconds: float) -> CheckpointFile:
        return CheckpointFile(folder / "group.npz", {"torch": torch.__version__}, frozenset(plan.seeds), seconds)

    def train(file: CheckpointFile) -> Any:
        return engine.train(cell, step, plan.seeds, "cpu", torch.float32, {}, lambda seeds: file)

    def read(data: bytes) -> None:
        (folder / "group.npz").write_bytes(data)
        place(1e9).read()
        list(train(place(1e9)))

    started = train(place(0.0))
    sound = [(folder / "group.npz").read_bytes() for _ in zip(started, range(2), strict=False)]
    started.close()
    return Target(read, sound[-1:], "zip")
