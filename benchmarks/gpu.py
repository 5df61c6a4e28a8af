"""Every check that needs a CUDA device, within nine minutes: `python -m benchmarks.gpu`.

It runs the tests that need a device. It compares 25 seeds of MNIST, modular addition and XOR with the plain loop on the
same device and with the floor, and the engine's ways of running (eager, captured, and captured and compiled) with each
other and with JAX, where JAX is installed with CUDA. In the remaining time it trains a whole suite, and the suite
`quick` with one, two and four workers on the device. A later call with the same files continues where this one stopped.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from benchmarks.__main__ import found_device, say
from grokbench.errors import GrokbenchError

STEPS = ("tests", "speed", "peers", "suite", "together")
TASKS = ("mnist_ce", "modular_addition", "xor")
TESTS = (  # files with tests that need CUDA
    *("tests/test_cuda.py", "tests/test_group_size.py"),
    *("tests/test_benchmarks.py", "tests/test_benchmarks_competitors.py"),
)
TESTS_SECONDS, SPEED_SECONDS, PEERS_SECONDS = 120.0, 120.0, 200.0  # at most, roughly; the suite gets the remaining time
CLOSING = 20.0  # seconds reserved to end in
SHORTEST = 10.0  # fewest seconds for a suite's run
SMALL, WORKERS = "quick", (1, 2, 4)  # a suite whose cells leave most of the device idle, and workers that share it


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--json", "file", required=True, type=click.Path(dir_okay=False, path_type=Path), help="To continue.")
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="The suite's folder.")
@click.option("--minutes", default=9.0, show_default=True, help="Until this call ends.")
@click.option("--step", "steps", multiple=True, type=click.Choice(STEPS), help="Repeatable.  [default: all]")
@click.option("--suite", default="paper", show_default=True, help="A shipped suite, or a file.")
@click.option("--task", "tasks", multiple=True, type=click.Choice(TASKS), help="For the speed.  [default: all]")
@click.option("--device", default="cuda", show_default=True, type=click.Choice(["cpu", "cuda"]))
@click.option("--quick", is_flag=True, help="A short test: XOR of the size in `quick`, few seeds, short rounds.")
def main(file: Path, out: Path, minutes: float, steps: tuple[str, ...], device: str, **chosen: Any) -> None:
    """Run every check that needs a CUDA device, within some minutes."""
    from benchmarks.document import Document, facts

    end = time.monotonic() + 60.0 * minutes - CLOSING
    device = found_device(device)
    document = Document.continued(file, facts(device))
    if "tests" in (steps or STEPS):
        run_tests(document, min(TESTS_SECONDS, end - time.monotonic()))
    if "speed" in (steps or STEPS):
        speed(document, device, chosen["tasks"] or TASKS, chosen["quick"], min(end, time.monotonic() + SPEED_SECONDS))
    if "peers" in (steps or STEPS):
        peers(document, device, chosen["tasks"] or TASKS, chosen["quick"], min(end, time.monotonic() + PEERS_SECONDS))
    if "suite" in (steps or STEPS):
        suite(document, chosen["suite"], out, device, end)
    if "together" in (steps or STEPS):
        together(document, out, device, end)
    if any(row["status"] for row in document.parts.get("tests", [])):
        raise click.ClickException("the tests on the device failed")


def run_tests(document: Any, seconds: float) -> None:
    """Run the CUDA tests, unless they passed in an earlier call."""
    if any(row["status"] == 0 for row in document.parts.get("tests", [])):
        return
    document.parts.pop("tests", None)
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-m", "cuda", *TESTS]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=max(1.0, seconds))
        status, lines = done.returncode, done.stdout.strip().splitlines()
        say("\n".join(lines))
    except subprocess.TimeoutExpired as error:
        so_far = error.stdout or b""  # bytes, in spite of text=True
        say(so_far if isinstance(so_far, str) else so_far.decode(errors="replace"))
        status, lines = 124, [f"not done after {seconds:.0f} s"]
    document.add("tests", {"status": status, "summary": lines[-1] if lines else ""})


def speed(document: Any, device: str, tasks: tuple[str, ...], quick: bool, end: float) -> None:
    """Compare the engine with the plain loop and the floor until `end`, on cases that no earlier call measured."""
    from benchmarks.parts import speed_part

    options = options_of(document, "speed", device, tasks, quick, 3.0)
    add_until(end, document, "speed", speed_part(options, say, click.echo), lambda row: click.echo(line(row)))


def peers(document: Any, device: str, tasks: tuple[str, ...], quick: bool, end: float) -> None:
    """Compare the engine's ways of running with JAX until `end`, on cases that no earlier call measured."""
    from benchmarks.parts import peers_part
    from benchmarks.tables import peers_footnotes, peers_table

    options = options_of(document, "peers", device, tasks, quick, 2.0)
    add_until(end, document, "peers", peers_part(options, say, lambda text: None))
    if rows := document.parts.get("peers"):
        click.echo(f"{peers_table(rows)}\n\n{peers_footnotes(rows)}")


def options_of(document: Any, part: str, device: str, tasks: tuple[str, ...], quick: bool, seconds: float) -> Any:
    """Return the options of a part, without the cases that an earlier call measured."""
    from benchmarks.parts import QUICK, Options

    measured = frozenset((row["task"], row["method"]) for row in document.parts.get(part, []))
    short = {**QUICK, "seconds": 0.2} if quick else {"seconds": seconds}
    return Options(tasks, device=device, full_xor=not quick, without=("authors",), measured=measured, **short)


def add_until(
    end: float,
    document: Any,
    part: str,
    rows: Iterator[dict[str, Any]],
    tell: Callable[[dict[str, Any]], None] = lambda row: None,
) -> None:
    """Add rows to a part of the document while another one, as long as the longest so far, would end before `end`."""
    began, longest = time.monotonic(), 0.0
    for row in rows:
        document.add(part, row)
        tell(row)
        began, longest = time.monotonic(), max(longest, time.monotonic() - began)
        if began + longest > end:
            say(f"the time for {part} is up; the next call continues")
            return


def line(row: dict[str, Any]) -> str:
    """Describe a row in a sentence."""
    rates = row["seed_epochs_per_second"]
    times, reached = row["speed"]["engine / loop"]["median"], row["speed"]["engine / floor"]["median"]
    return (
        f"{row['task']} {row['method']}, {row['seeds']} seeds: engine {rates['engine']:,.1f} seed-epochs/s, loop "
        f"{rates['loop']:,.1f}, {times:.1f} times as fast, {100 * reached:.0f}% of the floor's rate"
    )


def suite(document: Any, name: str, out: Path, device: str, end: float, tell: Callable[[str], None] = say) -> None:
    """Continue the suite until `end`, unless all of it is trained, and print its leaderboard."""
    from benchmarks.startup import GROKBENCH

    run_suite(document, "suite", name, out, device.split(":")[0], end, tell)
    if (out / "manifest.json").exists():
        subprocess.run([*GROKBENCH, "leaderboard", str(out)], timeout=60.0)


def together(document: Any, out: Path, device: str, end: float) -> None:
    """Train a suite of small cells with one worker on the device, then with several; nothing on a CPU."""
    for workers in WORKERS if device != "cpu" else ():
        part, shared = f"together_{workers}", device + ",0" * (workers - 1)
        run_suite(document, part, SMALL, out.with_name(f"{out.name}-{part}"), shared, end)


def run_suite(
    document: Any, part: str, name: str, out: Path, device: str, end: float, tell: Callable[[str], None] = say
) -> None:
    """Continue a suite until `end`, unless all of it is trained."""
    from benchmarks.suite_run import resume, summary

    calls = document.parts.get(part, [])
    if not (calls and calls[-1]["complete"]):
        if end - time.monotonic() < SHORTEST:
            tell(f"no time is left for {part}; the next call continues")
            return
        call = resume(name, out, device, end - time.monotonic(), say=tell)
        document.add(part, {"suite": name, "device": device, **call.json()})
    click.echo(summary(f"{name} on {device}", document.parts[part]))


if __name__ == "__main__":
    try:
        main()
    except GrokbenchError as error:
        raise SystemExit(f"Error: {error}") from None
