"""Suites, their published numbers, their conditions and their seeds."""

from pathlib import Path

from fuzzing.targets import Target
from fuzzing.targets.results import SUITE

__all__ = ["conditions", "published", "seeds", "suites"]


def suites(folder: Path) -> Target:
    """Make the target of suites, which are loaded and planned.

    Args:
        folder: an empty folder.
    """
    from grokbench.engine import REVISION
    from grokbench.plan import expand
    from grokbench.plugins import load_registry
    from grokbench.suite import load_suite
    from grokbench.suite_files import shipped_suites

    registry, file = load_registry(), folder / "suite.yaml"

    def read(data: bytes) -> None:
        file.write_bytes(data)
        expand(load_suite(str(file)), registry, "float32", REVISION)

    return Target(read, (SUITE.encode(), shipped_suites()["tune-example"].read_bytes()), "yaml")


def published(folder: Path) -> Target:
    """Make the target of a suite's published numbers, which are appended to a fixed suite.

    Args:
        folder: an empty folder.
    """
    from grokbench.suite import load_suite

    head, numbers = SUITE.split("published:\n")
    file, numbers = folder / "suite.yaml", "published:\n" + numbers

    def read(data: bytes) -> None:
        file.write_bytes(head.encode() + data)
        load_suite(str(file))

    return Target(read, (numbers.encode(),), "yaml")


def conditions(folder: Path) -> Target:
    """Make the target of conditions such as `> 0.80`.

    Args:
        folder: not used.
    """
    from grokbench.criterion import bound_fault, parse_condition

    def read(data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        try:
            parse_condition(text)
        except ValueError:  # a ValueError is how it refuses a text
            return
        bound_fault(text, 0, 1)

    return Target(read, (b"> 0.80", b"<=-1.5e-3", b" >= .5 "), "text")


def seeds(folder: Path) -> Target:
    """Make the target of seeds such as `0-4,7`.

    Args:
        folder: not used.
    """
    from grokbench.seeds import format_seeds, parse_seeds

    def read(data: bytes) -> None:
        parsed = parse_seeds(data.decode("utf-8", "replace"))
        if set(parse_seeds(format_seeds(parsed))) != set(parsed):
            raise AssertionError("seeds that are written and read again are not the same")

    return Target(read, (b"1000-1024", b"0-4,7", b"3, 1 - 2"), "text")
