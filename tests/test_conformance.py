"""What every registered plugin must answer. A new method or task is asked without a line of test code."""

import inspect
from dataclasses import replace

import pytest
import torch

from grokbench import engine, random
from grokbench.plugins import BUILTINS, load_registry

from .cases import METHODS, TASKS, distance, epochs_for, make_step, replica, small, trained

REGISTRY = load_registry()
EVERY = [(kind, name) for kind in ("tasks", "regularizers", "metrics") for name in getattr(REGISTRY, kind)]
SEEDS = (0, 1, 2)
ON = ("xor", "sparse_parity", "modular_addition")  # SGD with L2; AdamW with biases; batches of two sizes

pytestmark = pytest.mark.usefixtures("tiny_mnist")


def settings(name):
    """A method's settings that show, where the tests know some."""
    return dict(METHODS[name][1]) if name in METHODS else {}


def made(name, given=None):
    return REGISTRY.regularizers[name].make(settings(name) if given is None else given)


@pytest.fixture(scope="module")
def baselines():
    return {label: trained(small(label), [], SEEDS, epochs_for(small(label))) for label in ON}


def test_every_provider_loads():
    assert BUILTINS and [str(broken) for broken in REGISTRY.broken] == []


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_a_plugin_is_described(kind, name):
    plugin = getattr(REGISTRY, kind)[name]
    first = (inspect.getdoc(plugin.factory) or "").partition("\n")[0]
    assert first.endswith((".", ":")) and 10 < len(first) < 160, f"{name} needs a docstring that begins with a sentence"
    for parameter in plugin.parameters.values():
        assert parameter.annotation is not parameter.empty, f"{name}: {parameter.name} has no type"
        assert parameter.default is not parameter.empty, f"{name}: {parameter.name} has no default"
    assert list(plugin.faults(plugin.resolve({}))) == [], "the defaults are of the annotated types"


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_a_plugin_makes_its_record_with_the_defaults(kind, name):
    record = getattr(REGISTRY, kind)[name].make({})
    assert type(record).__name__ == {"tasks": "Task", "regularizers": "Regularizer", "metrics": "Metric"}[kind]


@pytest.mark.parametrize("label", ON)
@pytest.mark.parametrize("name", REGISTRY.regularizers)
def test_at_its_neutral_parameters_a_method_is_the_baseline(baselines, name, label):
    neutral = made(name).neutral
    if neutral is None:
        pytest.skip(f"{name} has no neutral parameters")
    task = small(label)
    group = trained(task, [made(name, settings(name) | dict(neutral))], SEEDS, epochs_for(task))
    for row in range(len(SEEDS)):
        assert distance(replica(group.params, row), replica(baselines[label].params, row)) < 1e-12


@pytest.mark.parametrize("label", ON)
@pytest.mark.parametrize("name", REGISTRY.regularizers)
def test_a_group_equals_each_seed_alone(name, label):
    task = small(label)
    group = trained(task, [made(name)], SEEDS, epochs_for(task))
    alone = trained(task, [made(name)], (SEEDS[1], SEEDS[1]), epochs_for(task))  # beside a copy: never a group of one
    assert distance(replica(group.params, 1), replica(alone.params, 0)) < 1e-9


@pytest.mark.parametrize("name", REGISTRY.regularizers)
def test_a_method_at_its_defaults_trains_in_float32(name):
    group = trained(small("sparse_parity"), [made(name, {})], SEEDS, 5, torch.float32)
    assert all(p.dtype == torch.float32 and p.isfinite().all() for p in group.params.values())


def leaves(tree):
    """Every tensor of a state with its path, in order."""
    if isinstance(tree, torch.Tensor):
        return [("", tree.shape, tree.dtype)]
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    return [(f"/{key}{path}", *facts) for key, part in items for path, *facts in leaves(part)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", REGISTRY.regularizers)
def test_state_and_gradients_keep_shapes_dtypes_and_order(name, dtype):
    task = small("sparse_parity")
    step = make_step(task, [made(name)])
    group, _ = engine.start(step, SEEDS, "cpu", dtype)
    before = leaves(group.states)
    params = [(key, p.shape, p.dtype) for key, p in group.params.items()]
    for epoch in range(3):
        group = engine.train_epoch(step, group, epoch)
    assert leaves(group.states) == before
    assert [(key, p.shape, p.dtype) for key, p in group.params.items()] == params
    assert all(dtype is d for _, _, d in before if d.is_floating_point), "a state in another precision than its task's"


@pytest.mark.parametrize(("dtype", "scale"), [(torch.float32, 0.0), (torch.float64, 0.0), (torch.float32, 1e-12)])
@pytest.mark.parametrize("label", ON)
@pytest.mark.parametrize("name", REGISTRY.regularizers)
def test_a_dead_network_has_finite_gradients(name, label, dtype, scale):
    task = small(label)
    step = make_step(task, [made(name)])
    group, _ = engine.start(step, SEEDS, "cpu", dtype)
    group = replace(group, params={key: scale * p for key, p in group.params.items()})
    group = engine.train_epoch(step, group, 0)
    assert group.finite.all()
    assert all(p.isfinite().all() for p in group.params.values())


@pytest.mark.parametrize("name", REGISTRY.regularizers)
def test_a_method_writes_into_nothing_it_is_given(name):
    task, regularizer = small("sparse_parity"), made(name)
    step = make_step(task, [regularizer])
    params = task.init(random.key(0))
    splits = task.splits(random.key(0))
    copies = {key: p.clone() for key, p in params.items()}, splits["train"].inputs.clone()
    zero = torch.zeros((), dtype=torch.int64)
    states = step.init(params)
    kept = leaves(states)
    step.prepare(params, random.key(1))
    step.objective(params, states, splits["train"], random.key(2), zero, zero)
    grads = {key: torch.ones_like(p) for key, p in params.items()}
    if step.transforms:
        step.transform(grads, params, states, splits["train"], random.key(2), zero, zero)
    assert all(torch.equal(params[key], copies[0][key]) for key in params)
    assert torch.equal(splits["train"].inputs, copies[1]) and all((g == 1).all() for g in grads.values())
    assert leaves(states) == kept


@pytest.mark.parametrize("name", REGISTRY.metrics)
@pytest.mark.parametrize("label", TASKS)
def test_a_metric_is_one_finite_number_for_each_replica(name, label):
    task = small(label)
    plugin = REGISTRY.metrics[name]
    given = {"split": "train"} if "split" in plugin.parameters else {}
    step = make_step(task, metrics={"it": plugin.make(given)})
    group, _ = engine.start(step, SEEDS, "cpu", torch.float32)
    values = [row["it"] for row in engine.evaluate(step, group, ["it"], 0, {})]
    assert len(values) == len(SEEDS) and torch.tensor(values).isfinite().all()


def test_the_tests_know_settings_for_every_shipped_method_and_a_small_form_of_every_task():
    assert {factory.__name__ for factory, _ in METHODS.values()} == set(REGISTRY.regularizers)
    assert {factory.__name__ for factory, *_ in TASKS.values()} == set(REGISTRY.tasks)
