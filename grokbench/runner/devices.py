"""The device of each worker, resolved from the user's choice."""

from grokbench.errors import SuiteError
from grokbench.provenance import device_name, environment
from grokbench.resources import cpu_workers
from grokbench.text.lists import plural
from grokbench.text.options import Option

__all__ = ["SIDE_BY_SIDE", "device_name", "devices", "in_words"]

SIDE_BY_SIDE = 2  # workers on each CUDA device with `--device cuda`, because one small network does not use a whole GPU


def devices(choice: str) -> tuple[str, ...]:
    """Return the device of each worker.

    Args:
        choice: the value of `--device`. "auto": CUDA if there is a CUDA device, otherwise the CPU. "cpu": one worker
            for each core, as far as they fit into memory. "cuda": SIDE_BY_SIDE workers on each CUDA device. "cuda:0,1":
            one worker for each number, so a repeated number gives a device several workers.

    Returns:
        A name that torch knows for each worker, such as "cpu" or "cuda:0".

    Raises:
        SuiteError: the choice names no device, or a device that torch does not find here.
    """
    import torch

    if choice == "auto":
        choice = "cuda" if torch.cuda.is_available() else "cpu"
    if choice == "cpu":
        return ("cpu",) * cpu_workers(environment()["cores"])
    kind, named, numbers = choice.partition(":")
    every = [str(i) for i in range(torch.cuda.device_count())]
    chosen = numbers.split(",") if named else every * SIDE_BY_SIDE
    if kind != "cuda" or not all(number.isdecimal() for number in chosen):
        raise SuiteError(f"{Option('device', choice)}: expected auto, cpu, cuda, or cuda:0,1")
    if not chosen or any(int(number) >= len(every) for number in chosen):
        raise SuiteError(
            f"{Option('device', choice)}: torch sees {len(every)} CUDA devices here; "
            f"use {Option('device', 'cpu')}, or check the driver and that torch was installed with CUDA"
        )
    return tuple(f"cuda:{int(number)}" for number in chosen)


def in_words(workers: tuple[str, ...]) -> str:
    """Describe the devices of workers for the user, such as `cuda:0 (2 workers)`."""
    if workers[0] == "cpu":
        return f"the CPU, {plural(len(workers), 'worker')}"
    return ", ".join(f"{device} ({plural(workers.count(device), 'worker')})" for device in dict.fromkeys(workers))
