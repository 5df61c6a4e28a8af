"""A run in a copy of this process, which has imported everything; it does its jobs itself and is killed."""

import os
import shutil
import signal
import traceback
from importlib.util import module_from_spec, spec_from_file_location

from .. import tiny
from . import suite
from .runs import FAILPOINTS, End, deaths_in, lines


def run(file, folder, phase, calls):
    """Run a suite until the process has come to a fail-point of the phase so often; `launch` has to need no workers."""
    notes = folder.with_suffix(".notes")
    shutil.rmtree(notes, ignore_errors=True)
    notes.mkdir()
    child = os.fork()
    if not child:
        try:
            order = {"folder": str(notes), "phase": phase, "at": "parent", "who": "parent", "calls": [calls]}
            failpoints(order).install()
            done = tiny.run(file, folder, *suite.OPTIONS)
            (notes / "err").write_text(done.err)
            os._exit(done.status)
        except BaseException:
            (notes / "err").write_text(traceback.format_exc())
        finally:
            os._exit(99)
    _, status = os.waitpid(child, 0)
    err = (notes / "err").read_text() if (notes / "err").exists() else ""
    return End(os.waitstatus_to_exitcode(status), deaths_in(notes), lines(notes / "log.jsonl"), err)


def killed(end):
    """Whether the run was killed at its fail-point."""
    return end.status == -signal.SIGKILL and len(end.deaths) == 1


def failpoints(order):
    """The module of fail-points, with an order that is not from the environment."""
    spec = spec_from_file_location("failpoints", FAILPOINTS / "grokbench_failpoints.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    module.ORDER, module.ROLE = order, "parent"
    return module
