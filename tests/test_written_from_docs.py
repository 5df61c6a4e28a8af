"""The methods that readers wrote from the documentation alone: they train, and have the numbers of plain loops."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from grokbench import Batch, engine, from_torch, random
from grokbench.conformance import short_runs
from grokbench.engine.batches import draw
from grokbench.engine.mapping import over_replicas
from grokbench.plugins import load_registry
from grokbench.testing import linearized, standpoint

from .helpers import plain_loops, tiny
from .helpers.plain_loops import HIDDEN, adamw, looped, matrices, turned
from .helpers.small_cells import distance, epochs_for, make_step, replica, small, trained

FOLDER = Path(__file__).with_name("written_from_docs")
FILES = sorted(FOLDER.glob("*.py"))
LONG = ("soap", "neuralgrok", "groktransfer")
SEEDS = (4, 1000)
CLOSE = 1e-6  # relative, to pytorch_optimizer: its SAM and SOAP compute parts in float32


@pytest.fixture(scope="module")
def methods():
    """The factories of the files, by the names of the methods."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("importlib.metadata.entry_points", lambda **selection: ())
        registry = load_registry(FILES)
    assert not registry.broken
    return {plugin.name: plugin.factory for plugin in registry.regularizers.values() if plugin.file in FILES}


@pytest.fixture(scope="module")
def torch_methods():
    """The library that is compared with; it takes a second to import."""
    import pytorch_optimizer

    return pytorch_optimizer


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_is_short(file):
    lines = len(file.read_text(encoding="utf-8").splitlines())
    assert lines <= (90 if file.stem in LONG else 45)


# ---- every method trains

SUITE = """\
suite: written
seeds: 2
baseline: baseline
tasks:
  parity: {{use: sparse_parity, bits: 8, width: 8, samples: 40, epochs: 6, evaluate_every: 3}}
  addition: {{use: modular_addition, modulus: 7, width: 8, train_fraction: 0.45, batch_size: 8, epochs: 2}}
  transformer: {{use: modular_transformer, modulus: 7, train_fraction: 0.45, d_model: 8, heads: 2, d_mlp: 6, epochs: 2}}
regularizers: {{baseline: {{}}, groktransfer: {{width: 4, steps: 20}}, {labels}}}
skip: [{skipped}]
plugins: [{plugins}]
"""
ELSEWHERE = {"addition": ["groktransfer"], "transformer": ["radial"]}


def suite_of(names):
    """Every method on sparse parity, but GrokTransfer, which needs a modulus, and radial suppression."""
    on = ELSEWHERE | {"parity": [name for name in names if name not in sum(ELSEWHERE.values(), [])]}
    skipped = [f"{{task: {task}, regularizer: {name}, why: short}}" for task in on for name in names - set(on[task])]
    labels = ", ".join(f"{name}: {{}}" for name in sorted(names - {"groktransfer"}))
    return SUITE.format(labels=labels, skipped=", ".join(skipped), plugins=", ".join(map(str, FILES)))


def test_every_method_has_a_row(methods, tmp_path, here):
    names = methods.keys() - {"ada_belief", "radam"}  # as lion
    done = tiny.run(tiny.write(tmp_path, suite_of(names)), tmp_path / "out")
    assert done.status == 0, done.err
    rows = json.loads(tiny.grokbench("leaderboard", tmp_path / "out", "--format", "json").out)["rows"]
    rows = [row for row in rows if row["seeds"]]
    plain = {row["task"]: row["final"] for row in rows if row["regularizer"] == "baseline"}
    assert {row["regularizer"] for row in rows} == names | {"baseline"} and len(names) == 13
    for row in rows:
        assert row["seeds"] == row["censored"] == 2 and row["seconds_per_epoch"] > 0
        assert (row["final"] == plain[row["task"]]) == (row["regularizer"] == "baseline")


# ---- as pytorch_optimizer


def engine_and_loops(task, regularizer, optimizers, **how):
    """The largest relative difference of any weight after the 20 steps of an epoch, of two seeds."""
    group = trained(task, [regularizer], SEEDS, 1)
    loops = [looped(task, seed, optimizers, **how) for seed in SEEDS]
    return max(distance(replica(group.params, row), weights) for row, weights in enumerate(loops))


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_muon(methods, torch_methods, monkeypatch, decay):
    from pytorch_optimizer.optimizer.muon import base

    orthogonal = partial(base.zero_power_via_newton_schulz_5, dtype=torch.float64)  # bfloat16 by default
    monkeypatch.setattr(base, "zero_power_via_newton_schulz_5", orthogonal)
    task = matrices(plain_loops.squared)

    def optimizers(weights):
        hidden = {"params": [weights[name] for name in HIDDEN], "use_muon": True, "weight_decay": decay}
        return [torch_methods.Muon([hidden]), adamw(weights, task, ["readout", "bias"])]

    assert engine_and_loops(task, methods["my_muon"](weight_decay=decay), optimizers) < CLOSE


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_schedule_free(methods, torch_methods, decay):
    """The weights that are trained, and those that are evaluated."""
    task, method = matrices(plain_loops.squared), methods["my_schedule_free"](weight_decay=decay)
    group, made = trained(task, [method], SEEDS, 1), []

    def optimizers(weights):
        made[:] = [torch_methods.ScheduleFreeAdamW(list(weights.values()), weight_decay=decay)]
        return made

    step = make_step(task, [method])
    averaged = over_replicas(step, step.evaluated)(group.params, group.states)
    for row, seed in enumerate(SEEDS):
        weights, evaluated = looped(task, seed, optimizers), looped(task, seed, optimizers, end=lambda: made[0].eval())
        assert distance(replica(group.params, row), weights) < CLOSE
        assert distance(replica(averaged, row), evaluated) < CLOSE and distance(weights, evaluated) > 1e-3


def test_lookahead(methods, torch_methods):
    task = matrices(plain_loops.squared)

    def optimizers(weights):
        return [torch_methods.Lookahead(adamw(weights, task), k=3)]

    assert engine_and_loops(task, methods["my_lookahead"](k=3), optimizers) < CLOSE


def test_sam(methods, torch_methods):
    task = matrices(plain_loops.squared)
    own = {"lr": task.optimizer.lr, "weight_decay": task.optimizer.weight_decay}

    def optimizers(weights):
        return [torch_methods.SAM(list(weights.values()), torch.optim.AdamW, **own)]

    assert engine_and_loops(task, methods["my_sam"](), optimizers, again=True) < CLOSE


def test_soap(methods, torch_methods):
    task = matrices(plain_loops.mean)

    def optimizers(weights):
        claimed = [p for p in weights.values() if p.ndim == 2]
        return [torch_methods.SOAP(claimed), adamw(weights, task, ["kernel", "bias"])]

    assert engine_and_loops(task, methods["my_soap"](), optimizers) < CLOSE


@pytest.mark.parametrize("label", ["sparse_parity", "modular_addition"])
@pytest.mark.parametrize("name", ["lion", "ada_belief", "radam", "adan"])
def test_a_class_in_one_line(methods, torch_methods, name, label):
    cls, settings = {
        "lion": (torch_methods.Lion, {"lr": 1e-3, "weight_decay": 0.1}),
        "ada_belief": (torch_methods.AdaBelief, {"lr": 1e-2, "weight_decay": 0.1}),
        "radam": (torch.optim.RAdam, {"lr": 1e-2, "weight_decay": 0.1, "decoupled_weight_decay": True}),
        "adan": (torch_methods.Adan, {"lr": 1e-2, "weight_decay": 0.1}),
    }[name]
    method = methods[name]() if name in methods else from_torch(cls, **settings)()
    task, epochs = small(label), epochs_for(small(label))
    group = trained(task, [method], SEEDS, epochs)
    for row, seed in enumerate(SEEDS):
        weights = looped(task, seed, lambda weights: [cls(list(weights.values()), **settings)], epochs)
        assert distance(replica(group.params, row), weights) < 1e-12


# ---- what each method is


def test_cosine_is_a_schedule_of_torch_that_ends_at_zero(methods):
    task, epochs, made = small("sparse_parity"), 20, []

    def optimizers(weights):
        made[:] = [torch.optim.lr_scheduler.CosineAnnealingLR(adamw(weights, task), T_max=epochs)]
        return [made[0].optimizer]

    group = short_runs.trained(make_step(task, [methods["my_cosine"]()], budget=epochs), SEEDS, epochs)
    for row, seed in enumerate(SEEDS):
        weights = looped(task, seed, optimizers, epochs, after=lambda weights: made[0].step())
        assert distance(replica(group.params, row), weights) < 1e-9
    assert made[0].get_last_lr() == [0.0]


def test_the_average_is_what_evaluations_see(methods):
    task, means = small("sparse_parity"), {}

    def average(weights):
        for name, p in weights.items():
            means[name] = 0.9 * means.get(name, start[name]) + 0.1 * p.detach()

    step = make_step(task, [methods["my_ema"](decay=0.9)])
    group = short_runs.trained(step, SEEDS, 20)
    measured = engine.evaluate(step, group, ["test_loss"], 20, {})
    for row, seed in enumerate(SEEDS):
        key = random.fold(random.key(seed), "task")
        start, inputs, targets = turned(task.init(key)), *task.splits(key)["test"]
        means.clear()
        weights = looped(task, seed, lambda weights: [adamw(weights, task)], 20, after=average)
        expected = task.loss(task.outputs(turned(means), inputs), targets)
        assert abs(measured[row]["test_loss"] - float(expected)) < 1e-9 and distance(weights, turned(means)) > 1e-3
        assert distance(replica(group.params, row), weights) < 1e-9


def test_dropout_keeps_most_and_draws_anew(methods):
    task = small("sparse_parity")
    step = make_step(task, [methods["my_dropout"](p=0.1)])
    group, _ = engine.start(step, SEEDS, "cpu", torch.float64)
    keys = torch.cat([draw(step, group, epoch).keys.flatten() for epoch in range(3)])
    at, h = standpoint(task), torch.full((100, 50), 0.9, dtype=torch.float64)
    hidden = step.regularizers[0].hidden
    masks = [hidden(h, site, (), replace(at, key=key)) for key in keys for site in ("hidden1", "hidden2")]
    assert {0.0, 1.0} == {round(each, 12) for mask in masks for each in mask.unique().tolist()}
    assert all(abs(mask.mean() - 0.9) < 5 * (0.09 / h.numel()) ** 0.5 for mask in masks)
    different = [float((a != b).double().mean()) for i, a in enumerate(masks) for b in masks[:i]]
    assert len(masks) == 12 and min(different) > 0.14 and max(different) < 0.22  # 2 p (1 - p)


def test_radial_suppression_is_the_mean_over_sites_and_examples(methods):
    task = small("modular_transformer")
    at, seen = standpoint(task), {}
    task.forward(at.params, task.embedded(at.params, at.batch.inputs), lambda h, name: seen.setdefault(name, h))
    rows = [row for h in seen.values() for row in h]
    expected = sum((float(row.norm()) - len(row) ** 0.5) ** 2 / len(row) for row in rows) / len(rows)
    penalty = methods["radial"](strength=0.5).penalty(linearized(task, at), (), at)
    assert abs(float(penalty) - 0.5 * expected) < 1e-12 and len(seen) == 3


def test_clip_to_grok_bounds_incoming_weights(methods):
    task = small("sparse_parity", lr=0.5)
    step = make_step(task, [methods["my_clip_to_grok"](c=2.0)])
    start, _ = engine.start(step, SEEDS, "cpu", torch.float64)
    end = short_runs.trained(step, SEEDS, 20)
    for name in ("weight1", "weight2"):
        assert torch.allclose(start.params[name].norm(dim=1), torch.tensor(2.0).double())
        norms = end.params[name].norm(dim=1)
        assert norms.max() < 2.0 + 1e-12 and (norms > 2.0 - 1e-12).any() and (norms < 1.99).any()
    assert end.params["weight3"].norm(dim=1).max() > 2.0  # the readout is free


def test_the_outer_gradient_of_neuralgrok_is_a_double_gradient(methods):
    task, method = small("sparse_parity"), methods["my_neuralgrok"]()
    at = standpoint(task)
    reserved = Batch(at.batch.inputs[:5], at.batch.targets[:5])
    state = method.initial_state(at.params, task, random.key(0))

    def outer(f):
        moved, _ = method.transform(at.grad_at(at.params), state._replace(f=f), at)
        return task.loss(
            task.outputs({n: p - at.lr * moved[n] for n, p in at.params.items()}, reserved.inputs), reserved.targets
        )

    exact = torch.func.grad(outer)(state.f)
    params, after = method.project(at.params, state, replace(at, needed={"reserved": reserved}))
    assert distance({name: 10.0 * p for name, p in after.m.items()}, exact) < 1e-9  # the first moment is a tenth of it
    assert params is at.params and all(exact[name].abs().max() > 0 for name in ("weight0", "weight1", "weight2"))


def test_groktransfer_transfers_a_small_first_matrix_and_reads_no_test_data(methods):
    def unread(*arguments):
        raise AssertionError("data beside the training set was drawn")

    task = small("modular_addition", width=12)
    key = random.key(3)
    params, train = task.init(key), task.splits(key)["train"]
    method = methods["groktransfer"](width=4, steps=20)
    made = method.prepare(params, replace(task, splits=unread, shared=unread), train, key)
    values = torch.linalg.svdvals(made["weight1"])
    assert values[3] > 1e-3 and values[4:].max() < 1e-12 and len(values) == 12
    assert torch.isclose(made["weight1"].norm(), params["weight1"].norm())
    assert torch.equal(made["weight2"], params["weight2"])
