"""`python -P -m helpers.survival`: the session."""

import argparse
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from . import suite
from .record import KILLS, MOMENTS, Record, plan
from .rows import Bench, Lost


def main():
    """Do the rows that the record lacks, then print the table; the exit status is 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", type=Path, default=Path("survival.jsonl"), help="results; a session goes on there")
    parser.add_argument("--kills", type=int, default=KILLS, help="in each phase")
    parser.add_argument("--moments", type=int, default=MOMENTS, help="kills at random moments")
    parser.add_argument("--only", help="rows of this phase, or 'random'")
    parser.add_argument("--seed", type=int, default=0, help="of the calls and moments")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # no run outlives the session
    record = Record(chosen.record)
    rows = [row for row in plan(chosen.kills, chosen.moments) if chosen.only in (None, row.phase)]
    left = [row for row in rows if row.name not in record.ended()]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GROKBENCH_DATA"] = folder
        bench = Bench(suite.write(Path(folder)), Path(folder))
        for number, row in enumerate(left):
            perform(bench, row, record, Random(f"{chosen.seed} {row.name}"))
            print(f"{row.name}: {estimate(record, left[number + 1 :])}", flush=True)
    print(record)
    sys.exit(any(line["lost"] for line in record.ended().values()))


def perform(bench, row, record, chance):
    """Do a row and record it; the folder of a loss is kept beside the record."""
    _ = bench.undisturbed  # its seconds belong to no row
    if row.phase == "random":
        _ = bench.duration
    began, lost, kills = (time.monotonic(), cpu_seconds()), "", []
    try:
        kills = bench.row(row.phase, row.victims, chance)
    except Lost as loss:
        lost = str(loss)
        kept = record.path.with_name(f"{record.path.name}.{row.name.replace(' ', '-')}")
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(bench.folder / "killed", kept)
        kills = [{"who": who} for who in row.victims]
    for kill in kills:
        record.add(row=row.name, phase=row.phase, **kill)
    seconds, cpu = time.monotonic() - began[0], cpu_seconds() - began[1]
    record.add(row=row.name, lost=lost, kills=len(kills), seconds=round(seconds, 1), cpu_seconds=round(cpu, 1))


def estimate(record, left):
    """What a kill costs, and how long the rest takes."""
    done = record.ended().values()
    kills = sum(line["kills"] for line in done)
    each, cpu = (sum(line[key] for line in done) / kills for key in ("seconds", "cpu_seconds"))
    rest = sum(len(row.victims) for row in left)
    return (
        f"{kills} kills, {sum(bool(line['lost']) for line in done)} rows lost something; a kill takes {each:.1f} s, "
        f"{cpu:.1f} s of a core; {rest} kills are left, some {rest * each / 60:.0f} minutes"
    )


def cpu_seconds():
    """Seconds of processors that the ended processes of this one have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
