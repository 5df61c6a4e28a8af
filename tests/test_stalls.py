"""Jobs without progress: in the display, and the options that limit them."""

import io

import pytest

from grokbench.runner.progress import PlainDisplay
from grokbench.runner.progress.live import LiveDisplay
from grokbench.text.headline import headline

from .helpers import tiny

NAME = "parity / slow, seeds 1000-1002"


def test_the_displays_show_and_forget_it():
    plain = PlainDisplay(io.StringIO(), now=lambda: 100.0)
    plain.no_progress(NAME, 60.0)
    plain.no_progress(NAME, 0.0)
    lines = plain._stream.getvalue().splitlines()
    assert lines[0].endswith(f"{NAME}: no progress for 60 s") and lines[1].endswith(f"{NAME}: progress again")


def test_the_live_display_counts_on():
    from rich.console import Console

    clock = [100.0]
    live = LiveDisplay(Console(file=io.StringIO()), now=lambda: clock[0])
    live.no_progress(NAME, 60.0)
    clock[0] = 130.0
    assert [str(line) for line in live._silences()] == [f"{NAME}: no progress for 90 s"]
    live.no_progress(NAME, 0.0)
    assert list(live._silences()) == []


@pytest.mark.parametrize("option", ["--stall-timeout", "--cell-timeout"])
@pytest.mark.parametrize("value", ["0", "-1", "nan", "soon"])
def test_a_limit_below_a_second_is_refused(tmp_path, option, value):
    done = tiny.grokbench("run", tiny.write(tmp_path), option, value, "--out", tmp_path / "out")
    assert done.status == 2 and option in done.err and not (tmp_path / "out").exists()


def test_an_error_in_one_line():
    assert headline('Traceback (most recent call last):\n  File "a"\nValueError: b') == "ValueError: b"
    assert headline('no progress.\n  File "a"\n') == "no progress." and headline("") == ""
