"""Which device every worker has: what a user asks for, resolved, and in words."""

from grokbench.errors import SuiteError
from grokbench.provenance import environment
from grokbench.text.lists import plural
from grokbench.text.options import Option

__all__ = ["SIDE_BY_SIDE", "devices", "in_words"]

SIDE_BY_SIDE = 2  # workers of a CUDA device that is not named: one network this small leaves it idle


def devices(asked: str) -> tuple[str, ...]:
    """One device for each worker: the CPU for every core; a CUDA device as often as it is named, or SIDE_BY_SIDE times.

    Raises:
        SuiteError: what is asked for is no device, or none that torch sees here.
    """
    import torch

    if asked == "auto":
        asked = "cuda" if torch.cuda.is_available() else "cpu"
    if asked == "cpu":
        return ("cpu",) * environment()["cores"]
    kind, named, numbers = asked.partition(":")
    every = [str(i) for i in range(torch.cuda.device_count())]
    chosen = numbers.split(",") if named else every * SIDE_BY_SIDE
    if kind != "cuda" or not all(number.isdecimal() for number in chosen):
        raise SuiteError(f"{Option('device', asked)}: expected auto, cpu, cuda, or cuda:0,1")
    if not chosen or any(int(number) >= len(every) for number in chosen):
        raise SuiteError(
            f"{Option('device', asked)}: torch sees {len(every)} CUDA devices here; "
            f"use {Option('device', 'cpu')}, or check the driver and that torch was installed with CUDA"
        )
    return tuple(f"cuda:{int(number)}" for number in chosen)


def in_words(workers: tuple[str, ...]) -> str:
    """The devices of some workers, each with how many of them it has."""
    if workers[0] == "cpu":
        return f"the CPU, {plural(len(workers), 'worker')}"
    return ", ".join(f"{device} ({plural(workers.count(device), 'worker')})" for device in dict.fromkeys(workers))
