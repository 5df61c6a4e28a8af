"""What a person reads while a suite runs."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from grokbench.records import Crossings, Outcome
from grokbench.runner.progress import PlainDisplay, display
from grokbench.runner.progress.live import LiveDisplay, choose, rows, summary

from .helpers.scripted_training import GROUP, Clock, cell, matrix_of, run


@pytest.fixture
def plain():
    clock, stream = Clock(), io.StringIO()
    return clock, stream, PlainDisplay(stream, clock)


def lines(stream):
    return stream.getvalue().splitlines()


def live(cells, seeds=2, done=None, width=80, height=24):
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=width, height=height, color_system=None)
    shown = LiveDisplay(console, Clock())
    shown.begin(cells, seeds, done or {})
    return shown, console, stream


def drawn(shown, console):
    with console.capture() as capture:
        console.print(shown._draw())
    return capture.get().splitlines()


def test_plain_lines_tell_the_plan_and_the_end_of_a_cell(plain):
    clock, stream, shown = plain
    with shown:
        shown.begin([cell(), cell(regularizer="baseline")], 2, {("sparse_parity", "baseline"): [run(1000, 1600)]})
        clock.seconds += 12.34
        shown.finished(run(1000, 75), cell())
        shown.finished(run(1001, 80), cell())
        shown.finished(run(1001, 4000, Outcome.CENSORED), cell(regularizer="baseline"))
    assert lines(stream) == [
        "[   0.0 s] 2 cells x 2 seeds: 1/4 replicas done",
        "[  12.3 s] sparse_parity / grokalign: 2 of 2 grokked, median 77.5 epochs",
        "[  12.3 s] sparse_parity / baseline: 1 of 2 grokked, 1 censored, median >= 1,600 epochs",
        "[  12.3 s] 4/4 replicas done",
    ]


def test_plain_lines_report_a_failure_with_the_last_line_of_its_traceback(plain):
    _, stream, shown = plain
    shown.begin([cell()], 1, {})
    shown.finished(
        run(1000, 3, Outcome.FAILED, "Traceback (most recent call last):\n  ...\nValueError: no\x1b[2J\n"), cell()
    )
    assert lines(stream)[1:] == [
        "[   0.0 s] sparse_parity / grokalign, seed 1000 failed: ValueError: no\\x1b[2J",
        "[   0.0 s] sparse_parity / grokalign: 0 of 1 grokked, 1 failed",
    ]


def test_an_error_that_replicas_of_a_cell_share_is_told_once(plain):
    _, stream, shown = plain
    shown.begin([cell(), cell(regularizer="baseline")], 3, {})
    for seed, error in ((1000, "KeyError: 'a'"), (1001, "KeyError: 'a'"), (1002, "KeyError: 'b'")):
        shown.finished(run(seed, 0, Outcome.FAILED, error), cell())
    shown.finished(run(1000, 0, Outcome.FAILED, "KeyError: 'a'"), cell(regularizer="baseline"))
    assert [line[11:] for line in lines(stream)[1:]] == [
        "sparse_parity / grokalign, seed 1000 failed: KeyError: 'a'",
        "sparse_parity / grokalign, seed 1002 failed: KeyError: 'b'",
        "sparse_parity / grokalign: 0 of 3 grokked, 3 failed",
        "sparse_parity / baseline, seed 1000 failed: KeyError: 'a'",
    ]


def test_a_failure_without_a_traceback_says_so(plain):
    _, stream, shown = plain
    shown.begin([cell()], 2, {})
    shown.finished(run(1000, 3, Outcome.FAILED), cell())
    assert lines(stream)[1] == "[   0.0 s] sparse_parity / grokalign, seed 1000 failed: no traceback was kept"


def test_the_heartbeat_comes_at_most_every_30_seconds(plain):
    clock, stream, shown = plain
    shown.begin([cell()], 2, {})
    for epoch in range(0, 70, 10):
        shown.progress(cell(), GROUP, epoch, 2)
        clock.seconds += 10
    assert lines(stream)[1:] == [
        "[  30.0 s] 0/2 replicas done; sparse_parity / grokalign epoch 30 of 4,000; at most 1 h 07 min left",
        "[  60.0 s] 0/2 replicas done; sparse_parity / grokalign epoch 60 of 4,000; at most 1 h 06 min left",
    ]


def test_the_heartbeat_names_three_cells_in_training(plain):
    clock, stream, shown = plain
    cells = [cell(regularizer=name) for name in "abcde"]
    shown.begin(cells, 2, {})
    for one in cells:
        shown.progress(one, GROUP, 0, 2)
    clock.seconds += 31
    shown.progress(cells[0], GROUP, 0, 2)
    assert lines(stream)[1] == (
        "[  31.0 s] 0/10 replicas done; sparse_parity / a epoch 0 of 4,000, sparse_parity / b epoch 0 of 4,000, "
        "sparse_parity / c epoch 0 of 4,000, 2 more in training"
    )


def test_plain_timing_names_each_task_once(plain):
    _, stream, shown = plain
    for task, done in (("xor", 1), ("xor", 2), ("mnist", 1)):
        shown.timing(task, done, 2)
    assert lines(stream) == [f"[   0.0 s] measuring seconds per epoch: {task}" for task in ("xor", "mnist")]


def test_the_display_is_plain_where_the_stream_is_no_terminal(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("TERM", "xterm-256color")
    assert isinstance(display(io.StringIO()), PlainDisplay)
    assert isinstance(display(Terminal()), LiveDisplay)
    assert isinstance(display(Terminal(), plain=True), PlainDisplay)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(display(Terminal()), PlainDisplay)
    assert isinstance(display(io.StringIO(), plain=False), LiveDisplay)


def test_a_stored_failure_is_still_to_do():
    matrix = matrix_of([cell()], done={("sparse_parity", "grokalign"): [run(1, 30), run(2, 3, Outcome.FAILED)]})
    assert matrix.totals() == "1/2 replicas done"


def test_a_group_that_failed_leaves_training():
    matrix = matrix_of([cell()], seeds=4)
    matrix.progress(cell(), GROUP, 5, 2)
    for seed in GROUP:
        matrix.finished(run(seed, 5, Outcome.FAILED), cell())
    assert matrix.epoch(("sparse_parity", "grokalign")) is None


def test_a_group_that_is_done_leaves_training_though_others_of_its_cell_wait():
    """Its last report, that nobody is left, may be one of those that are not told."""
    matrix, key = matrix_of([cell()], seeds=4), ("sparse_parity", "grokalign")
    matrix.progress(cell(), (1, 2), 291, 2)
    matrix.finished(run(1, 291), cell())
    assert matrix.epoch(key) == 291
    matrix.finished(run(2, 4000, Outcome.CENSORED), cell())
    assert matrix.epoch(key) is None and not matrix.complete(key)


def test_the_halves_of_a_group_take_its_place():
    matrix, key = matrix_of([cell()], seeds=4), ("sparse_parity", "grokalign")
    matrix.progress(cell(), (1, 2, 3, 4), 50, 4)
    for half in ((1, 2), (3, 4)):
        matrix.progress(cell(), half, 10, 2)
    assert matrix.epoch(key) == 10 and list(matrix.groups[key]) == [(1, 2), (3, 4)]


def test_replicas_in_training_enter_the_median_as_censored():
    matrix, key = matrix_of([cell()], seeds=3), ("sparse_parity", "grokalign")
    matrix.progress(cell(), (1, 2, 3), 0, 3)
    matrix.finished(run(1, 75), cell())
    matrix.progress(cell(), (1, 2, 3), 75, 2)
    assert matrix.median(key) == ""
    matrix.finished(run(2, 4000, Outcome.CENSORED), cell())
    matrix.finished(run(3, 4000, Outcome.DIVERGED), cell())
    assert matrix.median(key) == "> 4,000"
    assert matrix.failures(key) == "1 censored, 1 diverged"


def lasted(seed, first, lasting, epochs):
    return replace(run(seed, first), epochs=epochs, crossings=Crossings(first=first, lasting=lasting))


def test_a_suite_that_ranks_by_lasting_grokking_counts_it():
    watched = replace(cell(), recipe=replace(cell().recipe, stop={"hold": 100}))
    runs = [lasted(1, 10, 50, 150), lasted(2, 10, None, 4100), lasted(3, 10, 4010, 4110), lasted(4, 10, 70, 170)]
    matrix = matrix_of([watched], seeds=4, done={watched.key: runs}, rank_by="lasting")
    assert (matrix.grokked(watched.key), matrix.failures(watched.key)) == (2, "2 not lasting")
    assert matrix.median(watched.key) == ">= 70"  # exactly half lasted
    assert summary(matrix, [watched.key]).endswith("1 done, 2/4 lasting")
    assert matrix_of([watched], seeds=4, done={watched.key: runs}).grokked(watched.key) == 4


def test_a_replica_in_training_may_have_crossed_within_the_last_epochs():
    watched = replace(cell(), recipe=replace(cell().recipe, stop={"hold": 100}))
    matrix = matrix_of([watched], seeds=3, done={watched.key: [lasted(1, 50, 50, 150)]}, rank_by="lasting")
    matrix.progress(watched, (2, 3), 151, 2)
    assert matrix.median(watched.key) == ""  # at risk at epoch 50
    matrix.progress(watched, (2, 3), 4000, 2)
    assert matrix.median(watched.key) == ""
    matrix = matrix_of([watched], seeds=3, done={watched.key: [lasted(1, 50, 50, 150)]}, rank_by="lasting")
    matrix.progress(watched, (2, 3), 149, 2)
    assert matrix.median(watched.key) == "50"  # not at risk: nothing is known of them


def test_the_live_table_has_a_row_per_cell():
    cells = [cell(regularizer="baseline"), cell(), cell("xor", "baseline", 400)]
    done = {("sparse_parity", "baseline"): [run(1000, 1589), run(1001, 4000, Outcome.CENSORED)]}
    shown, console, _ = live(cells, done=done)
    shown.progress(cells[1], GROUP, 40, 2)
    shown._matrix.now.seconds += 10
    shown.progress(cells[1], GROUP, 1240, 2)
    assert [" ".join(line.split()) for line in drawn(shown, console)] == [
        "",
        "task method grokked median epoch",
        "sparse_parity baseline ━━━━━━━━ 1/2 >= 1,589 1 censored",
        "grokalign 0/2 1,240/4,000",
        "xor baseline 0/2",
        "",
        "2/6 replicas done in 0:10 · at most 25 s left + 1 task not timed yet",
    ]


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("tasks", [5, 30])
def test_sixty_cells_fit_a_terminal(width, tasks):
    cells = [
        cell(f"a_rather_long_task_name_{t}", f"grokalign_sweep[strength={m}]")
        for t in range(tasks)
        for m in range(60 // tasks)
    ]
    shown, console, _ = live(cells, seeds=10, width=width)
    for busy in cells[-3:]:
        shown.progress(busy, GROUP, 3999, 2)
    picture = drawn(shown, console)
    assert len(picture) < 24
    assert max(map(len, picture)) <= width
    assert sum("3,999/4,000" in line for line in picture) == 3


def test_cells_in_training_come_first_and_the_rest_is_one_line_per_task():
    cells = [cell(task, name) for task in ("xor", "parity") for name in "abcd"]
    matrix = matrix_of(cells, done={("xor", "a"): [run(1, 3), run(2, 4)]})
    matrix.progress(cells[7], GROUP, 1, 2)
    shown, others = choose(matrix, 5)
    assert shown == [("parity", "a"), ("parity", "b"), ("parity", "d")]
    assert others == ["xor: 4 cells more, 1 done, 3 to do, 2/8 grokked", "parity: 1 cell more, 1 to do, 0/2 grokked"]
    shown, others = choose(matrix, 2)
    assert shown == [("parity", "d")]
    assert others == ["2 tasks: 7 cells more, 1 done, 6 to do, 2/14 grokked"]


def test_a_line_counts_cells_in_training_that_have_no_row():
    matrix = matrix_of([cell(), cell(regularizer="b")])
    matrix.progress(cell(), GROUP, 1, 2)
    assert summary(matrix, list(matrix.cells)) == "sparse_parity: 2 cells more, 1 in training, 1 to do, 0/4 grokked"


def test_labels_are_shown_as_they_are_written():
    shown, console, stream = live([cell("[red]x[/red]", "sweep[strength=0.1]"), cell("y", "a\x1b[31m\nb")], width=120)
    picture = "\n".join(drawn(shown, console))
    assert "[red]x[/red]" in picture and "sweep[strength=0.1]" in picture and "a\\x1b[31m\\nb" in picture
    shown.finished(run(1000, 1, Outcome.FAILED, "E: [bold]\x07"), cell("y", "a\x1b[31m\nb"))
    assert stream.getvalue() == "y / a\\x1b[31m\\nb, seed 1000 failed: E: [bold]\\x07\n"


def test_wide_labels_leave_room_for_the_epoch():
    shown, console, _ = live([wide := cell("漢字" * 12, "decay")], width=80)
    shown.progress(wide, GROUP, 3999, 2)
    (line,) = [line for line in drawn(shown, console) if "decay" in line]
    assert "3,999/4,000" in line and line.partition("decay")[0].rstrip().endswith("漢字")


def test_the_live_table_gives_way_to_one_line():
    shown, _, stream = live([cell()], seeds=1)
    with pytest.raises(KeyboardInterrupt), shown:
        shown.timing("xor", 1, 3)
        shown.finished(run(1000, 75), cell())
        raise KeyboardInterrupt
    assert "measuring seconds per epoch: xor, 1 of 3" in stream.getvalue()
    assert stream.getvalue().endswith("1/1 replicas done in 0:00\n")


def test_columns_do_not_move_while_cells_train():
    matrix = matrix_of([cell(), cell("xor", "a_longer_method")])

    def heading():
        console = Console(file=io.StringIO(), width=80)
        console.print(rows(matrix, list(matrix.cells), 80))
        return console.file.getvalue().splitlines()[0].rstrip()

    before = heading()
    matrix.progress(cell(), GROUP, 3999, 2)
    matrix.finished(run(1000, 4000, Outcome.CENSORED), cell())
    matrix.finished(run(1001, 4000, Outcome.CENSORED), cell())
    assert heading() == before


def test_a_closed_standard_error_is_no_reason_to_stop(monkeypatch):
    monkeypatch.setattr("sys.stderr", None)
    with display() as shown:
        shown.say("nobody hears this")
