"""What is compared round by round: the engine's workers, the authors' procedure, and the floor of the hardware."""

import json
from dataclasses import replace

import pytest
import torch

from grokbench import random
from grokbench.records import Use


def test_competitors_take_turns_and_are_compared_round_by_round(benchmarks, cases):
    Figure, turns = benchmarks("competitors").Figure, []

    def competitor(name, seconds):
        waiting = iter(seconds)

        def one_round():
            turns.append(name)
            return Figure(next(waiting), {"busy": 0.5} if name == "fast" else {})

        return lambda case: one_round

    competitors = {"slow": competitor("slow", [2.0, 3.0, 6.0]), "fast": competitor("fast", [1.0, 1.0, 1.0])}
    result = benchmarks("rounds").measure(cases["xor", "grokalign"], competitors, 3)
    assert turns == ["slow", "fast"] * 3
    assert (result.seconds("slow"), result.ratios("fast"), result.busy_ratio("fast")) == (3.0, [2.0, 3.0, 6.0], 6.0)
    assert result.busy_ratio("slow") is None
    printed = benchmarks("tables").table([result])
    assert "0.333" in printed and "3.00 (2.00-6.00)" in printed and "fast : slow" in printed
    plain = json.loads(json.dumps(result.json()))
    assert plain["speed"]["fast / slow"] == {"median": 3.0, "lowest": 2.0, "highest": 6.0}
    assert plain["seed_epochs_per_second"]["fast"] == 1.0


def test_workers_train_every_group_to_the_end(benchmarks, cases):
    case = cases["modular_addition", "grokalign"]
    rounds = benchmarks("grouped").rounds(case, workers=1)
    first, second = next(rounds), next(rounds)
    rounds.close()
    assert len(first) == len(second) == len(benchmarks("grouped").groups(case)) == 1
    assert first[0].worker == second[0].worker


def test_a_replica_that_fails_is_no_figure(benchmarks, cases):
    case = cases["modular_addition", "baseline"]
    broken = replace(case.cell.recipe, task=Use("no_such_task", {}))
    lost = replace(case, cell=replace(case.cell, recipe=broken))
    with pytest.raises(RuntimeError, match="baseline: seed 1000 was not trained to the end: (?s:.)*no task 'no_such"):
        next(benchmarks("grouped").rounds(lost, workers=1))


@pytest.mark.parametrize(
    ("task", "method"),
    [("sparse_parity", "baseline"), ("sparse_parity", "grokfast"), ("xor", "orthograd"), ("xor", "grokalign")],
)
def test_the_authors_procedure_trains_the_same_network(benchmarks, cases, task, method):
    """Full batch, and one output whose direction is 1 or -1: no random number but the seed's own takes part."""
    authors, loop = benchmarks("authors"), benchmarks("plain_loop")
    single = benchmarks("cases").replace(cases[task, method], precision="float32")
    theirs, ours = authors.start(single, 1000, workers=0), loop.start(cases[task, method], 1000)
    (values,) = authors.train(theirs, 10)
    history = loop.train(ours, 10)
    for mine, yours in zip(ours.network.parameters(), theirs.plain.network.parameters(), strict=True):
        assert yours.dtype == torch.float64
        torch.testing.assert_close(yours, mine, rtol=1e-9, atol=1e-12)
    assert values == pytest.approx({label: v for label, v in history[-1].items() if label.endswith("accuracy")})


def test_the_authors_loaders_are_processes_that_shuffle_batches_of_the_task(benchmarks, cases):
    authors = benchmarks("authors")
    training = authors.start(cases["modular_addition", "grokalign"], 1000, workers=2)
    assert authors.start(cases["modular_addition", "baseline"], 1000).loaders["test"].num_workers == 4
    passes = [torch.cat(targets) for targets in [[y for _, y in training.loaders["train"]] for _ in range(2)]]
    assert [len(y) for _, y in training.loaders["train"]] == [8, 8, 6]
    assert not torch.equal(*passes) and torch.equal(passes[0].sort()[0], passes[1].sort()[0])
    assert len(authors.train(training, 20)) == 2


def test_the_operations_of_a_floor_are_those_counted_by_hand(benchmarks, cases):
    """Modular addition: 22 of 49 pairs train in 3 batches; 14 inputs, 6 hidden units, 7 outputs; 126 weights."""
    effort, forward, every = benchmarks("floor").effort, 2 * 126, 1
    baseline = effort(cases["modular_addition", "baseline"])
    step = 22 * (2 * forward + 2 * 6 * 7)  # forward, gradients of weights, gradients of the hidden units
    assert baseline.operations == step + 49 * forward / every
    state = 3 * 126  # weights and both moments
    assert baseline.bytes == 8 * (2 * 3 * state + 22 * 14 + (126 + 49 * 14) / every)
    penalty = 2 * 22 * (2 * forward + 2 * 14 * 6)  # 2 projections: pullback, its weights, its hidden cotangents
    assert effort(cases["modular_addition", "grokalign"]).operations == baseline.operations + penalty
    assert effort(cases["modular_addition", "grokfast"]).bytes == baseline.bytes + 8 * 2 * 3 * 126
    assert effort(cases["modular_addition", "orthograd"]).operations == baseline.operations


def test_data_that_all_seeds_share_is_not_counted_as_read(benchmarks, cases):
    effort, case = benchmarks("floor").effort, cases["modular_addition", "baseline"]
    data = case.step.task.splits(random.key(0))
    task = replace(case.step.task, splits=lambda key: {}, shared=lambda device: data)
    own, shared = effort(case), effort(replace(case, step=replace(case.step, task=task)))
    assert shared.operations == own.operations
    assert own.bytes - shared.bytes == 8 * (22 * 14 + 49 * 14)


def test_a_full_batch_is_looked_at_for_free_and_a_rotated_one_in_its_coordinates(benchmarks, cases):
    """XOR: 20 training, 16 test and 16 noisy examples; 6 hidden units, one output, 40 coordinates or 6 + 20 + 1."""
    effort = benchmarks("floor").effort
    for task, d in (("xor", 40), ("xor rotated", 27)):
        assert cases[task, "baseline"].cell.evaluate_every == 1
        weights, found = 6 * d + 6, effort(cases[task, "baseline"])
        assert found.operations == 2 * (20 * (2 * weights + 6) + 32 * weights)
        assert found.bytes == 8 * (2 * weights + 20 * d + weights + 32 * d)


def test_the_floor_is_the_slower_of_operations_and_bytes(benchmarks, cases):
    Rates, Effort = benchmarks("gauge").Rates, benchmarks("floor").Effort
    assert Effort(operations=10.0, bytes=1.0).seconds(Rates(operations=5.0, bytes=1.0)) == 2.0
    assert Effort(operations=10.0, bytes=4.0).seconds(Rates(operations=5.0, bytes=1.0)) == 4.0
    one_round = benchmarks("competitors").floor(iter([Rates(1e3, 1e9)]), cases["modular_addition", "baseline"])
    figure = one_round()
    assert figure.seconds == figure.details["operations"] / 1e3


def test_the_share_of_the_floor_is_a_percentage_with_and_without_idle_cores(benchmarks, cases):
    Figure = benchmarks("competitors").Figure
    figures = {"loop": [Figure(4.0)], "engine": [Figure(2.0, {"busy": 1.6})], "floor": [Figure(1.0)]}
    result = benchmarks("rounds").Result(cases["xor", "baseline"], figures)
    assert "50% (62%)" in benchmarks("tables").table([result])
