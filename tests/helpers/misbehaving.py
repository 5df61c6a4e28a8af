"""A plugin file whose methods hang, stop, fork, close their pipe, crash, eat memory, exit or print in their first step.

None of them outlives the command that runs it.
"""

import ctypes
import os
import resource
import signal
import sys
import threading
import time
from collections import deque
from functools import cache
from itertools import repeat

from grokbench import Regularizer, hookimpl

FOR_EVER = 10**6  # seconds
MORE = 2**28  # bytes of address space that a memory-eating process may add
COMMAND = os.getppid()  # of a worker


def sleeps():
    """Wait for nothing."""
    time.sleep(FOR_EVER)


def loops():
    """Compute nothing, in Python."""
    while True:
        pass


def loops_in_c():
    """Compute nothing, in C code that keeps the interpreter's lock, so that no other thread runs."""
    deque(repeat(None), maxlen=0)


def stops():
    """Stop this process, as Ctrl-Z does."""
    os.kill(os.getpid(), signal.SIGSTOP)


def forks():
    """Kill this process, after the start of a child that keeps the pipe open."""
    if os.fork():
        os.kill(os.getpid(), signal.SIGKILL)
    while os.path.exists(f"/proc/{COMMAND}"):
        time.sleep(0.05)
    os._exit(0)


def closes_pipe():
    """Close the pipe to the command, and go on."""
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                os.close(int(name))
        except OSError:
            pass


def closes_all():
    """Close every file but the standard ones, and wait."""
    os.closerange(3, 4096)
    time.sleep(FOR_EVER)


def segfaults():
    """Read the address 0."""
    ctypes.string_at(0)


def aborts():
    """Abort, as a failed assertion of a library does."""
    os.abort()


def exits():
    """End the process with exit status 0."""
    os._exit(0)


def exits_with_3():
    """End the process with exit status 3."""
    os._exit(3)


def calls_exit():
    """Call `sys.exit`."""
    sys.exit(3)


def interrupts():
    """Raise what Ctrl-C raises."""
    raise KeyboardInterrupt


def eats_memory():
    """Allocate memory until this process reaches a limit that it has set itself."""
    pages = int(open("/proc/self/statm").read().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MORE, before[1]))
    try:
        eaten = []
        while True:
            eaten.append(bytearray(2**24))
    finally:
        del eaten
        resource.setrlimit(resource.RLIMIT_AS, before)


def recurses():
    """Recurse without end."""
    recurses()


def shouts():
    """Write a megabyte to both standard streams, and go on."""
    for descriptor in (1, 2):
        os.write(descriptor, b"noise \x1b[31m\n" * 2**16)


def lingers():
    """Leave a thread that never ends, and go on."""
    threading.Thread(target=threading.Event().wait).start()


def method(trouble):
    """A method that has the name of the trouble, causes it and changes nothing else."""

    once = cache(trouble)

    def penalty(local, state, at):
        once()
        return 0.0 * local.outputs.sum()

    def factory() -> Regularizer:
        return Regularizer(penalty=penalty)

    factory.__name__, factory.__doc__ = trouble.__name__, trouble.__doc__
    return factory


def sleeps_in_prepare() -> Regularizer:
    """Wait for nothing, before training."""

    def prepare(params, task, train, key):
        time.sleep(FOR_EVER)

    return Regularizer(prepare=prepare)


def sound() -> Regularizer:
    """Add nothing."""
    return Regularizer(penalty=lambda local, state, at: 0.0 * local.outputs.sum())


STUCK = (sleeps, loops, loops_in_c, stops)
GONE = (forks, closes_pipe, closes_all, segfaults, aborts, exits, exits_with_3)
RAISING = (calls_exit, interrupts, eats_memory, recurses)
UNWELCOME = (shouts, lingers)


@hookimpl
def grokbench_regularizers():
    yield from map(method, (*STUCK, *GONE, *RAISING, *UNWELCOME))
    yield sleeps_in_prepare
    yield sound
