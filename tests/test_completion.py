"""What a shell suggests: asked through click, once through a real bash, and never a word after a mistake."""

import os
import shutil
import subprocess
import sys
from unittest.mock import patch

import pytest
from click.shell_completion import ShellComplete

from grokbench.cli import commands
from grokbench.data import status
from grokbench.plugins import KINDS
from grokbench.plugins.names import plugin_names
from grokbench.suite_files import shipped_suites

from .helpers import tiny


def items(*words):
    """The suggestions for the last word."""
    *before, incomplete = words
    return ShellComplete(commands, {}, "grokbench", "_GROKBENCH_COMPLETE").get_completions(before, incomplete)


def suggested(*words):
    """Their words; nothing that the shell is to complete itself."""
    assert {item.type for item in items(*words)} <= {"plain"}
    return [item.value for item in items(*words)]


def left_to_the_shell(*words):
    """The kind of thing that the shell completes itself."""
    (item,) = items(*words)
    assert item.value == words[-1]
    return item.type


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", ["run", "validate", "power"])
def test_suites_are_shipped_ones_and_files(folder, command):
    tiny.write(folder)
    (folder / "my [suites]").mkdir()
    tiny.write(folder / "my [suites]")
    assert suggested(command, "") == [*shipped_suites(), "tiny.yaml", "my [suites]/tiny.yaml"]
    assert suggested(command, "qui") == ["quick"]
    assert suggested(command, "t") == ["table5-small", "table5", "tune-example", "tiny.yaml"]
    assert suggested(command, "my [suites]/") == ["my [suites]/tiny.yaml"]
    assert left_to_the_shell(command, "~/") == "file"


def test_labels_are_those_of_the_suite_typed_already(folder):
    grid = "  sweep: {use: grokalign, strength: {grid: [0.1, 0.01]}}\n"
    tiny.write(folder, tiny.SUITE + grid)
    assert suggested("run", "tiny.yaml", "--task", "") == ["parity"]
    assert suggested("run", "tiny.yaml", "--device", "cpu", "--regularizer", "s") == [
        "sweep[strength=0.1]",
        "sweep[strength=0.01]",
    ]
    assert suggested("run", "tiny.yaml", "--regularizer", "baseline", "--regularizer", "") == [
        "orthograd",
        "sweep[strength=0.1]",
        "sweep[strength=0.01]",
    ]
    assert suggested("run", "tiny.yaml", "--task", "parity", "--task", "") == []


@pytest.mark.parametrize("suite", ["nothing", "nothing.yaml", "bad.yaml", "--precision"])
def test_no_suggestion_follows_a_mistake(folder, suite, capsys):
    tiny.write(folder, "suite: [", "bad.yaml")
    assert suggested("run", suite, "--task", "") == []
    assert suggested("run", "--task", "") == []
    told = capsys.readouterr()
    assert not told.out and not told.err


@pytest.mark.parametrize("command", ["show", "check"])
def test_names_are_those_that_can_be_named(folder, command):
    assert suggested(command, "grokf") == ["grokfast_ema", "grokfast_ma"]
    assert {item.help for item in items(command, "grokf")} == {"regularizer"}
    mine = tiny.write(folder, tiny.PLUGIN, "mine.py")
    assert suggested(command, "--plugin", str(mine), "stead") == ["steady"]
    tiny.write(folder, "def broken(:", "broken.py")
    assert suggested(command, "--plugin", "broken.py", "grokf") == []


def test_observers_can_be_named_for_log(folder):
    assert suggested("run", "quick", "--log", "") == ["tensorboard"]
    text = "from grokbench import Observer\n\ndef grokbench_observers():\n    yield diary\n"
    mine = tiny.write(folder, text, "mine.py")
    assert suggested("run", "quick", "--plugin", str(mine), "--log", "d") == ["diary"]


def test_show_also_takes_suites_and_check_files():
    assert suggested("show", "quic") == ["quick"]
    assert left_to_the_shell("check", "./m") == "file"


def test_names_read_from_sources_are_those_that_plugins_register(registry, folder):
    with patch("importlib.metadata.entry_points", return_value=()):
        mine = plugin_names([tiny.write(folder, tiny.PLUGIN, "mine.py")])
    known = {name: kind for kind in KINDS for name in getattr(registry, kind)}
    assert mine == known | dict.fromkeys(("steady", "raises", "dies"), "regularizers")


def test_names_of_installed_packages_are_read_without_importing_them(folder, monkeypatch):
    package = folder / "site" / "pack_of_plugins"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    hooks = """\
raise RuntimeError("imported")

def grokbench_metrics():
    yield from [sharpness]
    yield [made_up() for _ in range(2)]

def helper():
    yield flatness
"""
    tiny.write(package, hooks, "hooks.py")
    monkeypatch.syspath_prepend(package.parent)
    entry = type("Entry", (), {"module": "pack_of_plugins.hooks"})()
    with patch("importlib.metadata.entry_points", return_value=(entry,)):
        found = plugin_names()
    assert found["sharpness"] == "metrics" and "flatness" not in found


@pytest.mark.parametrize(
    "words",
    [
        ("leaderboard", "runs/q"),
        ("seconds", ""),
        ("status", ""),
        ("pack", ""),
        ("pack", "x", "--out", ""),
        ("compare", ""),
        ("compare", "x", ""),
        ("run", "quick", "--out", "runs/"),
        ("power", "quick", "--out", ""),
        ("doctor", "--out", ""),
    ],
)
def test_folders_are_left_to_the_shell(words):
    assert left_to_the_shell(*words) == "dir"


@pytest.mark.parametrize("command", ["run", "validate", "power", "list", "show", "check", "doctor"])
def test_plugin_files_are_left_to_the_shell(command):
    assert left_to_the_shell(command, "--plugin", "my") == "file"


def test_values_of_options_and_commands():
    assert suggested("run", "quick", "--precision", "") == ["float32", "float64"]
    assert suggested("run", "quick", "--device", "c") == ["cpu", "cuda", "cuda:0"]
    assert suggested("leaderboard", "x", "--format", "m") == ["markdown"]
    assert suggested("list", "met") == ["metrics"]
    assert suggested("data", "fetch", "") == [each.name for each in status()]
    assert suggested("completion", "") == ["bash", "zsh", "fish"]
    assert suggested("lead") == ["leaderboard"]
    assert "--num-seeds" in suggested("run", "quick", "--num")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_asks_this_program(shell):
    done = tiny.grokbench("completion", shell)
    assert done.status == 0
    assert f"_GROKBENCH_COMPLETE={shell}_complete" in done.out and "grokbench" in done.out
    help = tiny.grokbench("completion", "--help").out
    assert 'bash   ~/.bashrc                    eval "$(grokbench completion bash)"' in help


def test_another_shell_is_refused():
    done = tiny.grokbench("completion", "tcsh")
    assert done.status == 2 and "'tcsh' is not one of 'bash', 'zsh', 'fish'" in done.err


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_a_real_bash_completes(folder):
    program = tiny.write(folder, f"#!{sys.executable} -P\nfrom grokbench.cli import main\nmain()\n", "grokbench")
    program.chmod(0o755)
    tiny.write(folder)
    lines = [
        'eval "$(grokbench completion bash)"',
        "ask() { COMP_WORDS=(grokbench $1); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=();"
        ' _grokbench_completion grokbench; echo "${COMPREPLY[@]}"; }',
        'ask "show grokf"',
        'ask "run tiny.yaml --regularizer orth"',
        'ask "run nothing --task x"',
        "complete -p grokbench",
    ]
    done = subprocess.run(
        ["bash", "--norc", "-c", "\n".join(lines)],
        env=os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines()[:3] == ["grokfast_ema grokfast_ma", "orthograd", ""]
    assert "_grokbench_completion" in done.stdout.splitlines()[3] and not done.stderr


def test_a_suggestion_imports_no_torch(folder):
    code = """
import sys
from click.shell_completion import ShellComplete
from grokbench.cli import commands
ask = ShellComplete(commands, {}, "grokbench", "_GROKBENCH_COMPLETE").get_completions
assert ask(["show"], "grokf") and ask(["run", "quick", "--task"], "x")
assert ask(["run"], "q") and ask(["data", "fetch"], "")
assert not {"torch", "torchvision", "scipy"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
