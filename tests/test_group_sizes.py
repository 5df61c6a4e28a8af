"""The group sizes of a plan's cells: estimated, or tried on the device that leaves its workers the least memory."""

from dataclasses import replace
from types import SimpleNamespace

import torch

from grokbench import engine
from grokbench.engine.group_size import Size
from grokbench.events import MeasuredGroupSize
from grokbench.launchers.interface import Worker, memory_fraction
from grokbench.launchers.jobs import GroupSizeProbe
from grokbench.launchers.local import pool
from grokbench.runner import group_sizes, pipeline

from .helpers import tiny

SEEDS = (1000, 1001, 1002)


def test_group_sizes_close_to_the_memory_of_a_device_are_measured(plan, monkeypatch):
    """Each in a process that ends; where a trial fails the estimate holds."""
    made, tried = plan(tiny.SUITE.replace("1000-1002", "1000-1008")), []
    monkeypatch.setattr(engine, "estimated_group_size", lambda *given: Size(3, sure=False))

    def launch(stages, workers, limits):
        (((job,), at_once),) = stages
        tried.append((job.cell.regularizer, at_once, workers))
        told = [MeasuredGroupSize(5)] if job.cell.regularizer == "baseline" else job.failed("boom")
        yield from ((job, event) for event in told)

    monkeypatch.setattr(pool, "launch", launch)
    workers = [Worker("cpu", "float32", (), {})]
    cut = [(job.cell.regularizer, len(job.seeds)) for job in pipeline.jobs(made, None, workers)]
    assert tried == [("baseline", 1, workers), ("orthograd", 1, workers)]
    assert cut == [("baseline", 4), ("baseline", 5), *[("orthograd", 3)] * 3]
    assert len(pipeline.jobs(made, None)) == 6 and len(tried) == 2  # nobody is there to try
    assert {len(job.seeds) for job in pipeline.jobs(replace(made, group_size=9), None, workers)} == {9} and len(
        tried
    ) == 2


def test_groups_are_made_for_the_worker_with_the_least_memory(plan, monkeypatch):
    memory, asked = {"cuda:0": 100, "cuda:1": 80, "cuda:2": 150}, []
    properties = {device: SimpleNamespace(total_memory=size) for device, size in memory.items()}
    monkeypatch.setattr(torch.cuda, "get_device_properties", properties.get)
    monkeypatch.setattr(
        engine, "estimated_group_size", lambda step, weight, *given: asked.append(given) or Size(3, sure=False)
    )
    monkeypatch.setattr(pool, "launch", lambda stages, workers, limits: iter(asked.append(workers[0]) or ()))
    workers = [Worker(f"cuda:{number}", "float32", (), {}) for number in (0, 1, 2, 2)]
    made = replace(plan(), devices=tuple(worker.device for worker in workers))
    assert group_sizes.sizes(made, made.cells[:1], workers) == {made.cells[0].identity: 3}
    assert asked == [("cuda:2", torch.float32, memory_fraction(2)), workers[2]]


def test_a_failed_measurement_is_left_to_training(plan, tmp_path):
    """A state that reads a number has none to read where tensors have shapes alone."""
    reads = "init=lambda params: (params['weight1'] * float(params['weight1'].norm()),)"
    mine = tiny.write(tmp_path, tiny.PLUGIN.replace("penalty=nothing", reads), "mine.py")
    made = plan(tiny.with_methods("steady"), plugins=(str(mine),))
    assert [(job.cell.regularizer, job.seeds) for job in pipeline.jobs(made, None)] == [
        ("baseline", SEEDS), ("steady", SEEDS)
    ]  # fmt: skip


def test_a_probe_calls_the_engine_with_the_share_of_the_worker(plan, monkeypatch):
    made, asked = plan(), []
    monkeypatch.setattr(engine, "measured_group_size", lambda step, *given: asked.append(given) or 7)
    job = GroupSizeProbe(made.cells[0])
    assert list(job.run(Worker("cuda:1", "float64", (), {}, 3), made.registry)) == [MeasuredGroupSize(7)]
    assert asked == [("cuda:1", torch.float64, memory_fraction(3))] and job.cells == (made.cells[0],)
