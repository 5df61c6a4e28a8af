"""What a user meets: exit statuses, messages, and runs through real worker processes."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
import torch

from grokbench import cli, pipeline, report, timing
from grokbench.commands import results
from grokbench.launchers import local
from grokbench.mnist import MNIST_FILES
from grokbench.records import Outcome
from grokbench.store import Store

from . import tiny
from .tiny import files_of, grokbench, outcomes, run

TOP = ["suite", "baseline", "environment", "rows"]
KEYS = """
    task regularizer seeds grokked censored diverged failed epochs_mean epochs_median epochs_std epochs_to_memorise
    delay speedup speedup_low speedup_high speedup_bound speedup_of_means p_sign_flip p_paired_t p_wilcoxon p_logrank
    p_holm effect_size superiority final seconds_per_epoch seconds_mean seconds_speedup privileges published_epochs
    published_speedup verdict notes
""".split()


@pytest.fixture
def here(monkeypatch):
    """Jobs are done in this process."""
    monkeypatch.setattr(local, "launch", tiny.launch_here)
    monkeypatch.setattr(timing, "LEAST_SECONDS", 1e-4)


@pytest.fixture
def suite(tmp_path):
    return tiny.write(tmp_path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Results of the tiny suite; not to be written to."""
    root = tmp_path_factory.mktemp("tiny")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(local, "launch", tiny.launch_here)
        patched.setattr(timing, "LEAST_SECONDS", 1e-4)
        done = grokbench("run", tiny.write(root), "--out", root / "out", "--device", "cpu")
    assert done.status == 0, done.err
    return root / "out"


# ---- run


def test_a_run_ends_with_the_leaderboard_and_where_it_is(suite, tmp_path, here):
    done = run(suite, tmp_path / "out")
    assert done.status == 0
    assert "tiny: every method against baseline" in done.out and "orthograd" in done.out
    assert done.out.endswith(f"Results: {tmp_path / 'out'}    (again: grokbench leaderboard {tmp_path / 'out'})\n")
    assert "tiny on the CPU" in done.err
    assert len(outcomes(tmp_path / "out")) == 6


def test_a_second_run_trains_nothing_and_starts_no_process(suite, folder, monkeypatch):
    monkeypatch.setattr(local, "_Employee", lambda worker: pytest.fail("a worker was started"))
    before = {file: file.stat().st_mtime_ns for file in folder.glob("runs/*/*")}
    done = run(suite, folder)
    assert done.status == 0 and "orthograd" in done.out
    assert {file: file.stat().st_mtime_ns for file in folder.glob("runs/*/*")} == before


def test_results_go_to_runs_unless_told_otherwise(suite, tmp_path, monkeypatch, here):
    monkeypatch.chdir(tmp_path)
    assert grokbench("run", suite, "--device", "cpu").status == 0
    assert (tmp_path / "runs" / "tiny" / "manifest.json").exists()


def test_a_dry_run_prints_the_work_and_touches_nothing(suite, tmp_path, monkeypatch, here):
    monkeypatch.setattr(pipeline, "open_store", lambda plan: pytest.fail("the folder was opened"))
    before = sorted(tmp_path.rglob("*"))
    done = run(suite, tmp_path / "out", "--dry-run")
    assert done.status == 0
    assert "2 cells, 6 replicas left to train in 2 groups, at most 18 epochs on the CPU" in done.out
    assert "Nothing was run." in done.out
    assert sorted(tmp_path.rglob("*")) == before


def test_a_dry_run_says_what_is_done(suite, folder, here):
    line = [line.split() for line in run(suite, folder, "--dry-run").out.splitlines() if "orthograd" in line]
    assert line == [["parity", "orthograd", "3", "3", "0", "0"]]


def test_a_dry_run_counts_cells_of_one_recipe_once(tmp_path, here):
    suite = tiny.write(tmp_path, tiny.with_methods("orthograd") + "  again: {use: orthograd}\n")
    done = run(suite, tmp_path / "out", "--dry-run")
    assert "-3" not in done.out
    assert [line.split()[2:5] for line in done.out.splitlines() if line.startswith("parity")] == [["3", "0", "3"]] * 3


def test_a_part_of_a_suite(suite, tmp_path, here):
    part = ("--task", "parity", "--regularizer", "orthograd", "--num-seeds", 2)
    assert run(suite, tmp_path / "out", *part).status == 0
    assert set(outcomes(tmp_path / "out")) == {("orthograd", 1000), ("orthograd", 1001)}
    first, *left = grokbench("status", tmp_path / "out").out.splitlines()
    assert first.endswith("0 failed, 2 missing.") and left == ["  parity / baseline: 2 of 2 missing"]


def test_other_seeds(suite, tmp_path, here):
    assert run(suite, tmp_path / "out", "--seeds", "0-1,7", "--regularizer", "baseline").status == 0
    assert set(outcomes(tmp_path / "out")) == {("baseline", 0), ("baseline", 1), ("baseline", 7)}


def test_fail_fast_stops_at_the_first_failure(tmp_path, here):
    first = tiny.SUITE.replace("  baseline: {}\n", "  raises: {}\n  baseline: {}\n")
    mine = tiny.write(tmp_path, tiny.PLUGIN, "mine.py")
    done = run(tiny.write(tmp_path, first), tmp_path / "out", "--plugin", mine, "--fail-fast")
    assert done.status == 1 and "boom in training" in done.err
    assert set(outcomes(tmp_path / "out").values()) == {Outcome.FAILED}


def test_one_failure_is_one_replica(tmp_path, here):
    mine = tiny.write(tmp_path, tiny.PLUGIN, "mine.py")
    done = run(tiny.write(tmp_path, tiny.with_methods("raises")), tmp_path / "out", "--plugin", mine, "--num-seeds", 1)
    assert done.status == 1 and "\n1 replica failed; the same command repeats what failed:" in done.err


def test_a_plugin_file_of_the_suite_lies_beside_it(tmp_path, monkeypatch, here):
    tiny.write(tmp_path, tiny.PLUGIN, "mine.py")
    suite = tiny.write(tmp_path, tiny.with_methods("steady") + "plugins: [mine.py]\n")
    monkeypatch.chdir("/")
    done = run(suite, tmp_path / "out")
    assert done.status == 0 and "steady" in done.out


def test_a_damaged_file_is_told_and_trained_again(suite, tmp_path, here):
    run(suite, tmp_path / "out")
    file = files_of(tmp_path / "out", "orthograd")[0]
    file.write_bytes(file.read_bytes()[:50])
    done = grokbench("leaderboard", tmp_path / "out")
    assert done.status == 0
    assert f"Warning: runs/{file.parent.name}/{file.name} is damaged and counts as missing" in done.err
    assert "is damaged" not in run(suite, tmp_path / "out").err
    assert len(outcomes(tmp_path / "out")) == 6


# ---- what is wrong is said in a sentence, with exit status 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "SUITE", "--task", "party"], "--task party: the suite has no such task, expected one of: parity"),
        (["run", "SUITE", "--regularizer", "x"], "--regularizer x: the suite has no such regularizer"),
        (["run", "SUITE", "--num-seeds", "4"], "--num-seeds 4: the suite has 3 seeds; name others with --seeds"),
        (["run", "SUITE", "--num-seeds", "0"], "Invalid value for '--num-seeds'"),
        (["run", "SUITE", "--seeds", "a"], "--seeds a: 'a' is neither a seed nor a range"),
        (["run", "SUITE", "--seeds", "1", "--num-seeds", "1"], "--seeds and --num-seeds exclude each other"),
        (["run", "SUITE", "--device", "nonsense"], "--device nonsense: expected auto, cpu, cuda, or cuda:0,1"),
        (["run", "SUITE", "--device", "cuda"], "--device cuda: torch sees 0 CUDA devices here; use --device cpu"),
        (["run", "SUITE", "--precision", "float16"], "Invalid value for '--precision'"),
        (["run", "quik"], "quik"),
        (["run", "no/such.yaml"], "no/such.yaml"),
        (["run"], "Missing argument 'SUITE'"),
        (["run", "SUITE", "--nonsense"], "No such option"),
        (["leaderboard", "NOWHERE"], "is not a results folder: it holds no manifest.json"),
        (["leaderboard", "NOWHERE", "--format", "pdf"], "Invalid value for '--format'"),
        (["status", "NOWHERE"], "is not a results folder"),
        (["validate", "no/such.yaml"], "no/such.yaml"),
        (["show", "grokalin"], "nothing is named 'grokalin'"),
        (["list", "everything"], "Invalid value for"),
        (["data", "fetch", "cifar"], "There is no data set 'cifar'. Choose one of: mnist, cifar10, cifar10c."),
        (["trian"], "No such command"),
    ],
)
def test_what_is_wrong_is_said(suite, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    stand_ins = {"SUITE": suite, "NOWHERE": tmp_path / "nowhere"}
    done = grokbench(*[stand_ins.get(each, each) for each in arguments])
    assert (done.status, done.out) == (2, "")
    assert said in done.err and "Traceback" not in done.err
    assert not (tmp_path / "runs").exists()


def test_every_mistake_of_a_suite_with_its_place(tmp_path):
    wrong = tiny.SUITE.replace("bits: 8", "bitts: 8").replace("orthograd: {}", "orthgrad: {}")
    done = grokbench("validate", tiny.write(tmp_path, wrong))
    assert done.status == 2
    assert "tiny.yaml:5:" in done.err and "bits" in done.err and "tiny.yaml:8:" in done.err and "orthograd" in done.err


def test_a_method_of_a_broken_file_is_missing_and_the_message_says_why(tmp_path):
    broken = tiny.write(tmp_path, "raise OSError('my disk')\n", "broken.py")
    done = grokbench("validate", tiny.write(tmp_path, tiny.with_methods("mine")), "--plugin", broken)
    assert done.status == 2
    assert "no regularizer 'mine'" in done.err and "file broken.py is left out: OSError: my disk" in done.err


def test_one_name_from_two_files_names_both(suite, tmp_path):
    files = [tiny.write(tmp_path, tiny.PLUGIN, name) for name in ("mine.py", "yours.py")]
    done = grokbench("run", suite, "--plugin", files[0], "--plugin", files[1], "--dry-run")
    assert done.status == 2
    assert "two regularizers are named 'steady': one from file mine.py, one from file yours.py" in done.err


def test_a_folder_that_holds_something_else_is_refused_with_the_way_out(suite, folder):
    done = run(suite, folder, "--precision", "float64")
    assert done.status == 2
    assert "precision was 'float32' and is now 'float64'" in done.err and "--out" in done.err


def test_a_folder_that_another_process_writes_to_is_refused(suite, folder):
    store = Store.load(folder)
    with Store.open(folder, store.manifest):
        done = run(suite, folder)
    assert done.status == 2 and f"Another grokbench is writing to {folder}" in done.err


def test_missing_mnist_is_told_with_the_files_and_where_they_belong(tmp_path, monkeypatch):
    def download(*_, **__):
        raise RuntimeError("no network")

    monkeypatch.setenv("GROKBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("torchvision.datasets.MNIST", download)
    monkeypatch.setattr(local, "_Employee", lambda worker: pytest.fail("a worker was started"))
    digits = tiny.SUITE.replace("use: sparse_parity, bits: 8,", "use: mnist,")
    done = run(tiny.write(tmp_path, digits), tmp_path / "out")
    assert done.status == 2
    assert all(name in done.err for name in MNIST_FILES) and str(tmp_path / "data" / "MNIST" / "raw") in done.err
    assert outcomes(tmp_path / "out") == {}


def test_an_interruption_is_130(suite, tmp_path, monkeypatch, here):
    def interrupted(plan, store):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(pipeline, "perform", interrupted)
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    done = run(suite, tmp_path / "out")
    assert done.status == 130 and "the same command goes on from there" in done.err
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


def test_being_terminated_is_an_interruption(suite, tmp_path, monkeypatch, here):
    def terminated(plan, store):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)
        yield

    monkeypatch.setattr(pipeline, "perform", terminated)
    assert run(suite, tmp_path / "out").status == 130


def test_a_reader_that_has_gone_is_no_error_worth_words(monkeypatch):
    def gone(**_):
        raise BrokenPipeError

    monkeypatch.setattr(cli, "commands", gone)
    monkeypatch.setattr(sys, "stderr", SimpleNamespace(close=lambda: None))
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 1


# ---- leaderboard, status


def test_the_keys_of_the_json(folder):
    done = grokbench("leaderboard", folder, "--format", "json")
    board = json.loads(done.out)
    assert (done.status, list(board)) == (0, TOP)
    assert [list(row) for row in board["rows"]] == [KEYS] * 2
    assert (board["suite"], board["baseline"]) == ("tiny", "baseline")
    assert [row["seeds"] for row in board["rows"]] == [3, 3]
    assert set(board["rows"][0]["final"]) == {"train_loss", "train_accuracy", "test_loss", "test_accuracy"}
    assert board["rows"][0]["speedup"] is board["rows"][1]["published_epochs"] is None


def test_every_format(folder):
    assert results.FORMATS == tuple(report.FORMATS)
    text = {style: grokbench("leaderboard", folder, "--format", style).out for style in results.FORMATS}
    assert list(next(csv.reader(text["csv"].splitlines()))) == KEYS
    assert "| orthograd" in text["markdown"] and "\\toprule" in text["latex"]
    assert text["table"] == grokbench("leaderboard", folder).out


def test_status_counts_every_replica(folder):
    counts = dict.fromkeys(("grokked", "censored", "diverged", "failed", "missing"), 0)
    counts.update({outcome.value: list(outcomes(folder).values()).count(outcome) for outcome in Outcome})
    expected = ", ".join(f"{count} {word}" for word, count in counts.items())
    assert grokbench("status", folder).out == f"tiny: 6 replicas planned: {expected}.\n"


# ---- list, show, validate, data


def test_list_names_everything_and_reports_a_broken_file_with_its_traceback(tmp_path):
    files = tiny.write(tmp_path, tiny.PLUGIN, "mine.py"), tiny.write(tmp_path, "1 / 0\n", "broken.py")
    done = grokbench("list", "--plugin", files[0], "--plugin", files[1])
    assert done.status == 0
    for name in ("tasks", "sparse_parity", "regularizers", "grokalign", "metrics", "weight_norm", "suites", "quick"):
        assert f"\n{name}" in f"\n{done.out}"
    assert "file mine.py" in done.out
    assert "Warning: file broken.py is left out:\nTraceback" in done.err and "ZeroDivisionError" in done.err


def test_list_of_one_kind():
    done = grokbench("list", "suites")
    assert done.out.startswith("suites\n") and "smoke" in done.out and "grokalign" not in done.out


def test_show(tmp_path):
    assert grokbench("show", "grokalign").out.startswith("grokalign (regularizer, built in)")
    mine = tiny.write(tmp_path, tiny.PLUGIN, "mine.py")
    assert "steady (regularizer, file mine.py)" in grokbench("show", "steady", "--plugin", mine).out


def test_show_reports_a_broken_file(tmp_path):
    done = grokbench("show", "mine", "--plugin", tiny.write(tmp_path, "1 / 0\n", "mine.py"))
    assert done.status == 2 and "file mine.py is left out: ZeroDivisionError" in done.err


def test_validate_says_that_a_suite_is_sound(suite):
    assert grokbench("validate", suite).out == f"{suite}: sound; 2 cells, 3 seeds.\n"


@pytest.mark.parametrize(
    "name", ["smoke", "quick", "paper", "transformer", "transformer-small", "cifar10", "cifar10-small"]
)
def test_shipped_suites_are_sound(name):
    done = grokbench("validate", name)
    assert done.status == 0 and "sound" in done.out


def test_data_status_names_what_is_missing_and_where_it_belongs(tmp_path, monkeypatch):
    monkeypatch.setenv("GROKBENCH_DATA", str(tmp_path))
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / MNIST_FILES[0]).touch()
    done = grokbench("data", "status")
    assert done.status == 0 and f"mnist: missing in {raw}" in done.out and "grokbench data fetch mnist" in done.out
    assert [name for name in MNIST_FILES if f"missing: {name}" in done.out] == list(MNIST_FILES[1:])
    for name in MNIST_FILES:
        (raw / name).touch()
    assert f"mnist: present in {raw}\ncifar10: missing in {tmp_path}\n  missing: cifar10.npz\n" in (
        grokbench("data", "status").out
    )


def test_data_fetch_says_where_the_files_are(tmp_path, monkeypatch):
    monkeypatch.setenv("GROKBENCH_DATA", str(tmp_path))
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in MNIST_FILES:
        (raw / name).touch()
    assert grokbench("data", "fetch", "mnist").out == f"mnist: {raw}\n"


def test_help_and_reading_results_import_no_torch(folder):
    code = f"""
import sys
from grokbench.cli import main
for arguments in (["--help"], ["run", "--help"], ["--version"], ["data", "status"], ["run", "no/such.yaml"],
                  ["status", {str(folder)!r}], ["leaderboard", {str(folder)!r}]):
    sys.argv = ["grokbench", *arguments]
    try:
        main()
    except SystemExit:
        pass
    assert "torch" not in sys.modules, f"{{arguments}} imports torch"
"""
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "grokbench run quick" in done.stdout and "orthograd" in done.stdout


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self):
        return True


@pytest.mark.parametrize(("columns", "widest"), [(70, 70), (20, 60), (200, 200)])
def test_a_table_fits_the_terminal_it_is_printed_to(folder, monkeypatch, columns, widest):
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((columns, 40)))
    monkeypatch.setattr("sys.stdout", Terminal())
    results.print_leaderboard(Store.load(folder), "table")
    lines = sys.stdout.getvalue().splitlines()
    assert max(map(len, lines)) <= widest and (columns < 120 or max(map(len, lines)) > 120)


def test_seeds_of_the_folder_that_a_command_leaves_aside_are_named(suite, tmp_path, here):
    out = tmp_path / "out"
    assert run(suite, out, "--seeds", "1010-1012,1014", "--regularizer", "baseline").status == 0
    done = run(suite, out)
    assert done.status == 0 and "also plans the seeds 1010-1012,1014, which some cells lack" in done.out
    again = run(suite, out, "--seeds", "1010-1012,1014")
    assert again.status == 0 and "Rows are incomplete" not in again.out + run(suite, out).out
