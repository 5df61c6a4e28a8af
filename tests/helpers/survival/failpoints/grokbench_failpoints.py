"""Fail-points: a command and its workers die where they are to.

`GROKBENCH_FAILPOINT` is JSON:

    folder  for `log.jsonl`, and for `death-<k>.json`, which is written immediately before the k-th kill
    phase   the phase in which to kill; absent: never
    at      the process that has to get there: worker or parent
    who     is killed: worker, parent or both, which is the whole process group
    calls   [n, ...]: the k-th kill is at the n-th call that a process makes in the phase, as one of POINTS
    count   whether every call is logged

The program has no hook for this: functions are wrapped when their module has been imported, and `os.fsync` and
`os.replace` show the files that are written.
"""

import functools
import json
import os
import signal
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ORDER = json.loads(os.environ.get("GROKBENCH_FAILPOINT", "null"))
WORKER = "--multiprocessing-fork" in sys.orig_argv
ROLE = "worker" if WORKER else "parent" if "grokbench" in sys.orig_argv else None  # None: multiprocessing's tracker
STATE = {"timing": False, "epoch": 0, "calls": 0, "deaths": 0}


def in_training(arguments):
    """The phase of an epoch or an evaluation: timing trains too."""
    return "timing" if STATE["timing"] else "training"


def in_timing(arguments):
    """The phase `timing`, which lasts from its first call on."""
    STATE["timing"] = True
    return "timing"


def of_look(arguments):
    """The phase of an entry into the ledger: a run begins with one, and ends with one."""
    return "start-up" if arguments.get("found") else "closing"


POINTS = {  # module -> function -> its phase, before and after every call
    "multiprocessing.process": {"BaseProcess.start": "start-up", "BaseProcess.kill": "closing"},
    "grokbench.runner.request": {"resolve": "start-up"},
    "grokbench.plugins": {"load_registry": "start-up"},
    "grokbench.store.ledger": {"declare": "start-up"},
    "grokbench.data.load_cifar10": {"cifar10": "data"},
    "grokbench.data.digests": {"digest": "data"},
    "grokbench.engine.epochs": {"train_epoch": in_training},
    "grokbench.engine.evaluation": {"measure": in_training},
    "grokbench.engine.checkpoints": {
        **dict.fromkeys(("CheckpointFile.write_if_due", "CheckpointFile.read", "CheckpointFile.clear"), "checkpoint"),
        "Checkpoint.of": "checkpoint",
    },
    "grokbench.engine.timing": dict.fromkeys(
        ("measure", "_TimedReplica.take_turn", "_TimedReplica.operations"), in_timing
    ),
    "grokbench.engine.loop": {"TrainingLoop.begin": "training"},
    "grokbench.store": {"Store.save": "training", "Store.save_timing": "timing", "Store.look": of_look},
    "grokbench.commands.results": {"print_leaderboard": "closing"},
    "torch": {},
}


def reach(phase, damage=lambda: None):
    """Kill if this is the call at which to; `damage` is done immediately before."""
    if ORDER.get("count"):
        log(reached=phase, role=ROLE)
    if phase != ORDER.get("phase") or ROLE != ORDER["at"]:
        return
    deaths = sum(name.startswith("death-") for name in os.listdir(ORDER["folder"]))
    if deaths == len(ORDER["calls"]):
        return
    STATE["calls"] = STATE["calls"] * (STATE["deaths"] == deaths) + 1
    STATE["deaths"] = deaths
    victims = prey()
    if STATE["calls"] >= ORDER["calls"][deaths] and victims:
        damage()
        with open(os.path.join(ORDER["folder"], f"death-{deaths}.json"), "x") as marker:
            json.dump({"pid": os.getpid(), "role": ROLE, "calls": STATE["calls"], "at": caller()}, marker)
        for kill, victim in victims:
            kill(victim, signal.SIGKILL)


def prey():
    """The processes to kill, each with the function that does it."""
    if ORDER["who"] == "both":
        return [(os.killpg, os.getpgid(0))]
    if ORDER["who"] == ROLE:
        return [(os.kill, os.getpid())]
    if WORKER:
        return [(os.kill, os.getppid())]
    import multiprocessing

    return [(os.kill, worker.pid) for worker in multiprocessing.active_children()]


def caller():
    """The lines of GrokBench that lead here."""
    import traceback

    lines = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_stack() if "grokbench" in frame.filename]
    return [line for line in lines if HERE not in line][-3:]


def log(**facts):
    """Append a line, in one piece."""
    file = os.open(os.path.join(ORDER["folder"], "log.jsonl"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, json.dumps(facts).encode() + b"\n")
    os.close(file)


def wrapped(function, phase, name):
    """The function with a fail-point before and after."""

    @functools.wraps(function)
    def at_failpoint(*arguments, **named):
        now = phase(named) if callable(phase) else phase
        reach(now)
        given = function(*arguments, **named)
        if name == "TrainingLoop.begin":
            log(begin=given.cell.identity, epoch=given.epoch)
        if name == "Checkpoint.of":
            STATE["epoch"] = given.epoch
        reach(now)
        return given

    return at_failpoint


def imported(module):
    """Wrap what has fail-points in a module."""
    if module.__name__ == "grokbench.engine.timing":  # seconds need not be precise here
        module.LEAST_SECONDS, module.CLOCKS_AGREE = 1e-4, float("inf")
    for path, phase in POINTS[module.__name__].items():
        *owner, name = path.split(".")
        holder = getattr(module, owner[0], None) if owner else module
        if not hasattr(holder, name):
            log(missing=f"{module.__name__}.{path}")
            continue
        function = getattr(holder, name)
        replacement = wrapped(function, phase, path)
        setattr(holder, name, staticmethod(replacement) if isinstance(vars(holder)[name], classmethod) else replacement)
        for name_of, other in [*sys.modules.items()]:
            if not name_of.startswith("grokbench") or other is None:
                continue
            for known in [known for known, value in vars(other).items() if value is function]:
                setattr(other, known, replacement)  # imported before, in a process that was forked


class Finder:
    """Find modules with fail-points as the other finders do, and wrap them after their execution."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name not in POINTS:
            return None
        others = (finder.find_spec(name, path, target) for finder in sys.meta_path if finder is not cls)
        spec = next(filter(None, others), None)
        if spec:
            execute = spec.loader.exec_module
            spec.loader.exec_module = lambda module: (execute(module), imported(module), reach("start-up"))
        return spec


def fsync(descriptor, really=os.fsync):
    """A file that is written whole is flushed when its content is there: half of it is cut off before the kill."""
    path = os.readlink(f"/proc/self/fd/{descriptor}")
    if path.endswith((".tmp", "ledger.jsonl")):
        reach("half written", functools.partial(halve, descriptor, path))
    really(descriptor)


def halve(descriptor, path):
    """Cut off the second half of a file, or of the last line of the ledger."""
    with open(path, "rb") as file:
        content = file.read()
    kept = content.rstrip(b"\n").rfind(b"\n") + 1 if path.endswith(".jsonl") else 0
    os.ftruncate(descriptor, kept + (len(content) - kept) // 2)


def replace(source, target, really=os.replace, **options):
    """A file that is written whole is renamed when it is complete."""
    if str(source).endswith(".tmp"):
        reach("not renamed")
    really(source, target, **options)
    if str(target).endswith(".npz"):  # in a folder that was opened
        folder = os.readlink(f"/proc/self/fd/{options['dst_dir_fd']}")
        log(checkpoint=os.path.basename(folder), epoch=STATE["epoch"])


def install():
    """Set the fail-points, in modules that are imported later and in those that are there."""
    sys.meta_path.insert(0, Finder)
    os.fsync, os.replace = fsync, replace
    for name in POINTS.keys() & sys.modules.keys():
        imported(sys.modules[name])
    reach("start-up")
