"""`grokbench run`, called from Python: a script, a notebook, a thread."""

import warnings
from collections.abc import Iterable
from operator import index
from pathlib import Path
from typing import Any

from grokbench.api.runs import Runs, load_runs
from grokbench.errors import SuiteError
from grokbench.launchers.choice import LAUNCHERS
from grokbench.runner.request import Plan, Request, resolve, unused
from grokbench.store.reuse import RERUN
from grokbench.text.options import as_keywords
from grokbench.text.suggest import did_you_mean
from grokbench.validation import is_count

__all__ = ["run"]

CHOICES = {"precision": ("float32", "float64"), "rerun": tuple(RERUN), "launcher": LAUNCHERS}
LEAST = {"group_size": 2, "num_seeds": 1}  # least values of arguments that are counts


def run(
    suite: str | Path,
    *,
    out: str | Path | None = None,
    device: str = "auto",
    precision: str = "float32",
    group_size: int | None = None,
    compile: bool = False,
    num_seeds: int | None = None,
    seeds: str | Iterable[int] | None = None,
    tasks: str | Iterable[str] = (),
    regularizers: str | Iterable[str] = (),
    plugins: str | Path | Iterable[str | Path] = (),
    methods: str | Iterable[str] = (),
    checkpoint_seconds: float = 60.0,
    stall_timeout: float | None = None,
    cell_timeout: float | None = None,
    rerun: str = "failed",
    log: str | Iterable[str] = (),
    unverified_data: str | Iterable[str] = (),
    reference: str | Path | None = None,
    launcher: str | None = None,
    no_wait: bool = False,
    fail_fast: bool = False,
) -> Runs:
    """Train the missing replicas of a suite, as `grokbench run` does, and return all runs of its results folder.

    A replica that fails raises no exception: its run has the outcome "failed" and its traceback as `error`. Runs
    finished before an interruption are kept. A terminal shows the progress live; elsewhere a few lines report it.

    Args:
        suite: a path ending in `.yaml`, or the name of a shipped suite.
        out: the results folder; default `runs/<suite>`.
        device: auto, cpu, cuda, or cuda:0,1.
        precision: float32 or float64.
        group_size: seeds of a cell to train together, at least 2; by default as many as memory allows.
        compile: compile training with torch's compiler, on a CPU with a C++ compiler: faster, with other rounding.
            Cells too short to gain from it are not compiled.
        num_seeds: train only this many of the suite's seeds, from the first on; default all.
        seeds: seeds in place of the suite's: "0-4,7", or numbers.
        tasks: only the tasks with these labels; default all.
        regularizers: only the regularizers with these labels; default all.
        plugins: paths of plugin files.
        methods: further regularizers: names, or entries as in a suite, "half: {use: grokalign, strength: 0.5}".
        checkpoint_seconds: seconds between two checkpoints of a group in training, at least 0.
        stall_timeout: seconds without progress, at least 1, after which a group is started again; at its third attempt
            the group fails instead. By default half an hour, or 20 times the group's longest pause so far if that is
            longer.
        cell_timeout: seconds that a cell may train in this call, at least 1; default unlimited.
        rerun: the stored runs to train again: failed (the default), stale or all.
        log: observers: names, or names with parameters in YAML, "tensorboard: {folder: logs}".
        unverified_data: data sets, "mnist" or "cifar10", that may differ from the published ones; the leaderboard's
            rows then say so.
        reference: a results folder whose rows are taken instead of trained, or "none" to train all. By default, with
            `methods`, the folder results/<suite>, if there is one.
        launcher: where the workers run: "local" (this machine), "slurm" (jobs of Slurm) or "ray" (a Ray cluster). By
            default as the settings file says, else local.
        no_wait: submit the jobs to Slurm and return; the same call receives their results later.
        fail_fast: stop at the first replica that fails.

    Raises:
        SuiteError: the suite or an argument is wrong; nothing was run.
        PluginError: a plugin is missing, shares its name with another, or breaks its contract.
        DataError: data of a task is missing, or is not the published data.
        StoreError: the folder holds other results or cannot be written, or another process is writing to it.
    """
    asked = {
        "precision": precision,
        "rerun": rerun,
        "launcher": launcher,
        "group_size": group_size,
        "num_seeds": num_seeds,
    }
    timeouts = {"stall_timeout": stall_timeout, "cell_timeout": cell_timeout}
    _check(**asked)
    for name, seconds in {"checkpoint_seconds": checkpoint_seconds, **timeouts}.items():
        _check_seconds(name, seconds)
    request = Request(
        suite=str(suite),
        out=None if out is None else str(out),
        device=device,
        precision=precision,
        group_size=group_size,
        compile=bool(compile),
        num_seeds=num_seeds,
        seeds=_seeds(seeds),
        tasks=_labels(tasks),
        regularizers=_labels(regularizers),
        plugins=_labels(plugins),
        methods=_labels(methods),
        checkpoint_seconds=checkpoint_seconds,
        stall_timeout=stall_timeout,
        cell_timeout=cell_timeout,
        rerun=rerun,
        log=_labels(log),
        unverified_data=_labels(unverified_data),
        reference=None if reference is None else str(reference),
        launcher=launcher,
        no_wait=bool(no_wait),
    )
    with as_keywords():
        plan = resolve(request)
        _perform(plan, fail_fast)
        return load_runs(plan.directory)


def _perform(plan: Plan, fail_fast: bool) -> None:
    from grokbench.plan.holds import short_holds
    from grokbench.runner import pipeline
    from grokbench.runner.execute import execute
    from grokbench.runner.references import reference_of
    from grokbench.runner.stored import environment_differences

    for sentence in (*map(str, plan.registry.broken), *unused(plan), *short_holds(plan.cells)):
        warnings.warn(sentence, stacklevel=3)
    with pipeline.open_store(plan, reference_of(plan)) as store:
        for difference in environment_differences(plan, store):
            warnings.warn(difference, stacklevel=3)
        execute(plan, store, fail_fast)


def _check(**asked: Any) -> None:
    """Raise SuiteError for values that the command line would refuse."""
    for name, choices in CHOICES.items():
        if asked[name] not in choices and not (name == "launcher" and asked[name] is None):
            near = did_you_mean(str(asked[name]), choices)
            raise SuiteError(f"{name}={asked[name]!r}: expected one of: {', '.join(choices)}{near}")
    for name, least in LEAST.items():
        if (value := asked[name]) is not None and not is_count(value, least):
            raise SuiteError(f"{name}={value!r}: expected a whole number of at least {least}")


def _check_seconds(name: str, seconds: Any) -> None:
    """Raise SuiteError unless an argument is a number of seconds; only a timeout may be None."""
    least = 0 if name == "checkpoint_seconds" else 1
    if seconds is None and least:
        return
    if isinstance(seconds, bool) or not (isinstance(seconds, int | float) and seconds >= least):
        raise SuiteError(f"{name}={seconds!r}: expected a number of at least {least}")


def _seeds(given: str | Iterable[int] | None) -> str | None:
    """Write seeds as the command line takes them, in the given order."""
    if given is None or isinstance(given, str):
        return given
    try:
        return ",".join(str(index(seed)) for seed in given)
    except TypeError:
        raise SuiteError(
            f"seeds={given!r}: expected a list of whole numbers or a string such as '0-4,7'. "
            "To train only the first n seeds, use num_seeds=n."
        ) from None


def _labels(given: Any) -> tuple[str, ...]:
    """Return one or several labels as a tuple of text."""
    return (str(given),) if isinstance(given, str | Path) else tuple(map(str, given))
