"""A suite that trains in milliseconds, the command line in this process or its own, and jobs without workers."""

import io
import os
import subprocess
import sys
import traceback
from contextlib import redirect_stderr, redirect_stdout
from typing import NamedTuple
from unittest.mock import patch

from grokbench.cli import main
from grokbench.errors import GrokbenchError
from grokbench.store import Store

SUITE = """\
suite: tiny
seeds: 1000-1002
baseline: baseline
tasks:
  parity: {use: sparse_parity, bits: 8, width: 8, samples: 40, epochs: 3}
regularizers:
  baseline: {}
  orthograd: {}
"""

PLUGIN = '''\
"""Methods of a user: one that does nothing, and two that break in training."""

import os
import signal

from grokbench import Regularizer, hookimpl


def nothing(local, state, at):
    return 0.0 * local.outputs.sum()


def trouble(local, state, at):
    raise RuntimeError("boom in training")


def death(local, state, at):
    os.kill(os.getpid(), signal.SIGKILL)


def steady() -> Regularizer:
    """Add nothing."""
    return Regularizer(penalty=nothing)


def raises() -> Regularizer:
    """Raise in the first step."""
    return Regularizer(penalty=trouble)


def dies() -> Regularizer:
    """End the process in the first step."""
    return Regularizer(penalty=death)


@hookimpl
def grokbench_regularizers():
    yield from (steady, raises, dies)
'''


class Done(NamedTuple):
    """The result of a command."""

    status: int
    out: str
    err: str


def grokbench(*arguments):
    """Run the command line in this process; return its exit status and output."""
    out, err, status = io.StringIO(), io.StringIO(), 0
    with patch.object(sys, "argv", ["grokbench", *map(str, arguments)]), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            status = end.code
    return Done(status, out.getvalue(), err.getvalue())


def start(*arguments, **options):
    """Start the command line in a process of its own, on one core, so that it starts at most one worker."""
    words = [sys.executable, "-P", "-m", "grokbench", *map(str, arguments)]
    return subprocess.Popen(words, stderr=subprocess.PIPE, text=True, preexec_fn=one_core, **options)


def one_core():
    """Keep this process on one core, if the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def launch_here(stages, workers, limits=None):
    """`launch` without processes: perform the jobs one after the other in this process."""
    from grokbench.plugins import load_registry

    registry = load_registry(workers[0].plugins)
    for jobs, _ in stages:
        for job in jobs:
            try:
                yield from ((job, event) for event in job.run(workers[0], registry))
            except GrokbenchError as error:
                yield from ((job, event) for event in job.failed(str(error)))
            except Exception:
                yield from ((job, event) for event in job.failed(traceback.format_exc()))


def write(folder, text=SUITE, name="tiny.yaml"):
    """A file with this text."""
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def with_methods(*labels):
    """The tiny suite with other regularizers beside the baseline."""
    return SUITE.replace("  orthograd: {}\n", "".join(f"  {label}: {{}}\n" for label in labels))


def run(suite, folder, *options):
    """`grokbench run` on the CPU."""
    return grokbench("run", suite, "--out", folder, "--device", "cpu", *options)


def outcomes(folder):
    """(regularizer, seed) -> outcome of every stored run."""
    store = Store.load(folder)
    names = {cell.identity: cell.regularizer for cell in store.manifest.cells}
    return {(names[each.identity], each.seed): each.outcome for each in store.runs()}


def trained_here(root, suite):
    """Train a suite in this process, without timings; the results folder, below `root`."""
    from grokbench.engine import timing
    from grokbench.launchers.local import pool

    with patch.object(pool, "launch", launch_here), patch.object(timing, "measure", lambda *given: iter(())):
        done = run(write(root, suite), root / "out")
    assert done.status == 0, done.err
    return root / "out"


def files_of(folder, regularizer):
    """The files of a cell's runs."""
    (cell,) = [cell for cell in Store.load(folder).manifest.cells if cell.regularizer == regularizer]
    return sorted((folder / "runs" / cell.identity).iterdir())
