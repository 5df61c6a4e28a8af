"""Messages name options as their reader writes them: `--num-seeds 8` on the command line, `num_seeds=8` in Python."""

import ast
import inspect
import re
import threading
import warnings
from pathlib import Path

import pytest

import grokbench
from grokbench.cli import commands
from grokbench.io import locks
from grokbench.runner import pipeline
from grokbench.text.options import FLAGS, Option, as_keywords

from .helpers import tiny
from .helpers.result_folders import edit

SUITE = tiny.SUITE.replace("parity:", "my--task:")
FLAG_OF = {parameter.name: parameter.opts[0] for parameter in commands.commands["run"].params}
KEYWORDS = set(inspect.signature(grokbench.run).parameters) - {"timing"}  # which `grokbench tune` turns off

OF_EVALUATE = set(inspect.signature(grokbench.evaluate).parameters)


@pytest.fixture
def both(tmp_path, monkeypatch, here):
    """A function from keywords to what the command says of them, and what Python says."""
    monkeypatch.chdir(tmp_path)
    tiny.write(tmp_path, SUITE)
    tiny.write(tmp_path, tiny.PLUGIN, "mine.py")
    tiny.write(tmp_path, tiny.PLUGIN.replace("steady", "steady--out"), "--with.py")

    def said(**given):
        arguments = [part for keyword, value in given.items() for part in (FLAG_OF[keyword], value)]
        done = tiny.grokbench("run", "tiny.yaml", *arguments)
        lines = [line for line in done.err.splitlines() if line.startswith(("Warning: ", "Error: ", "--"))]
        in_python = []
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                grokbench.run("tiny.yaml", **given)
            except grokbench.GrokbenchError as error:
                in_python = str(error).splitlines()
        in_python = [f"Warning: {warning.message}" for warning in caught] + in_python
        return [line.removeprefix("Error: ") for line in lines], in_python

    return said


# ---- the two ways to write an option


def test_every_option_is_a_keyword_and_is_written_as_the_command_line_takes_it():
    assert KEYWORDS <= set(FLAG_OF)
    for keyword in KEYWORDS - {"suite"}:
        assert str(Option(keyword)) == FLAG_OF[keyword]
        with as_keywords():
            assert str(Option(keyword)) == keyword
    assert set(FLAGS) < KEYWORDS | OF_EVALUATE


@pytest.mark.parametrize(
    ("value", "argument", "literal"),
    [
        (8, "8", "8"),
        ("0-4,7", "0-4,7", "'0-4,7'"),
        ("", "''", "''"),
        ("my task", "'my task'", "'my task'"),
        ("{a: b}", "'{a: b}'", "'{a: b}'"),
        ("a\nb\x1b[0m", r"'a\nb\x1b[0m'", r"'a\nb\x1b[0m'"),
        ("--task x", "'--task x'", "'--task x'"),
    ],
)
def test_a_value_stands_in_the_quotes_that_it_needs(value, argument, literal):
    assert f"{Option('num_seeds', value)}" == f"--num-seeds {argument}"
    with as_keywords():
        assert f"{Option('num_seeds', value)}" == f"num_seeds={literal}"


def test_an_option_is_written_when_it_is_read():
    option = Option("seeds")
    with as_keywords():
        assert str(option) == "seeds"
    with pytest.raises(KeyError), as_keywords():
        raise KeyError
    assert str(option) == "--seeds"


def test_another_thread_has_its_own_reader():
    told = []
    with as_keywords():
        thread = threading.Thread(target=lambda: told.append(str(Option("seeds"))))
        thread.start()
        thread.join()
    assert told == ["--seeds"]


# ---- every message, from both sides

EXPECTED = "expected a regularizer's name, or an entry of a suite such as 'half: {use: grokalign, strength: 0.5}'"
MESSAGES = [
    (
        {"num_seeds": 8},
        "--num-seeds 8: the suite has 3 seeds; name more seeds (--seeds)",
        "num_seeds=8: the suite has 3 seeds; name more seeds (seeds)",
    ),
    (
        {"num_seeds": 2, "seeds": "1"},
        "--seeds and --num-seeds exclude each other; give one of them",
        "seeds and num_seeds exclude each other; give one of them",
    ),
    (
        {"seeds": "3-1"},
        "--seeds 3-1: the range 3-1 is empty, expected 1-3",
        "seeds='3-1': the range 3-1 is empty, expected 1-3",
    ),
    (
        {"tasks": "no--task"},
        "--task no--task: the suite has no such task, expected one of: my--task. Did you mean 'my--task'?",
        "tasks='no--task': the suite has no such task, expected one of: my--task. Did you mean 'my--task'?",
    ),
    (
        {"regularizers": "--with"},
        "--regularizer --with: the suite has no such regularizer, expected one of: baseline, orthograd",
        "regularizers='--with': the suite has no such regularizer, expected one of: baseline, orthograd",
    ),
    (
        {"device": "gpu"},
        "--device gpu: expected auto, cpu, cuda, or cuda:0,1",
        "device='gpu': expected auto, cpu, cuda, or cuda:0,1",
    ),
    (
        {"device": "cuda:99"},
        r"--device cuda:99: torch sees \d CUDA devices here; use --device cpu, or check the driver and .*",
        r"device='cuda:99': torch sees \d CUDA devices here; use device='cpu', or check the driver and .*",
    ),
    (
        {"plugins": "my --out/none.py"},
        "--plugin 'my --out/none.py': no such file, expected a Python file with a grokbench hook",
        "plugins='my --out/none.py': no such file, expected a Python file with a grokbench hook",
    ),
    ({"methods": "[1, 2]"}, f"--with '[1, 2]': {EXPECTED}", f"methods='[1, 2]': {EXPECTED}"),
    (
        {"methods": "[1"},
        "--with:1:3: the list or mapping neither goes on nor ends here, expected a comma or a closing ]",
        "methods:1:3: the list or mapping neither goes on nor ends here, expected a comma or a closing ]",
    ),
    (
        {"methods": "orthograd"},
        "--with orthograd: a label that the suite has already, expected another label, .*",
        "methods='orthograd': a label that the suite has already, expected another label, .*",
    ),
    (
        {"methods": "'--log': {use orthograd}"},
        r"--with: regularizers\.--log\..*: a key without a value\. .*",
        r"methods: regularizers\.--log\..*: a key without a value\. .*",
    ),
    (
        {"methods": "'--task': {use: grokalign, norm: 1}"},
        r"--with: regularizers\.--task\.norm: expected .*",
        r"methods: regularizers\.--task\.norm: expected .*",
    ),
    (
        {"methods": "mine"},
        "--with: regularizers.mine: no regularizer 'mine', .*; mine.py is in this folder: add --plugin mine.py",
        "methods: regularizers.mine: no regularizer 'mine', .*; mine.py is in this folder: add plugins='mine.py'",
    ),
    (
        {"log": "--with"},
        "--log --with: no observer '--with', expected one of: tensorboard.*",
        "log --with: no observer '--with', expected one of: tensorboard.*",
    ),
    ({"log": "3"}, "--log 3: expected an observer's name, or .*", "log='3': expected an observer's name, or .*"),
    (
        {"log": "tensorboard: {folder: 3}"},
        "--log tensorboard.folder: expected .*",
        "log tensorboard.folder: expected .*",
    ),
]


@pytest.mark.parametrize(("given", "command", "python"), MESSAGES, ids=lambda each: str(each)[:40])
def test_a_mistake_is_told_in_the_words_of_who_made_it(both, given, command, python):
    (on_the_command_line,), (in_python,) = both(**given)
    for line, expected in ((on_the_command_line, command), (in_python, python)):
        assert line == expected or re.fullmatch(expected, line), line


def test_a_plugin_file_of_which_nothing_is_used_is_warned_of(both, monkeypatch):
    monkeypatch.setattr(pipeline, "open_store", _full)
    on_the_command_line, in_python = both(plugins="mine.py", device="cpu")
    assert on_the_command_line[0] == (
        "Warning: nothing of --plugin mine.py is used: add --with steady or add --with raises or add --with dies"
    )
    assert in_python[0] == (
        "Warning: nothing of plugins='mine.py' is used: "
        "add methods='steady' or add methods='raises' or add methods='dies'"
    )


def _full(plan, reference):
    raise grokbench.StoreError(f"{plan.directory} is full")


def test_runs_that_were_made_elsewhere_are_warned_of(both, tmp_path):
    given = {"device": "cpu", "num_seeds": 1, "out": "my --out"}
    assert both(**given) == ([], [])
    for file in (tmp_path / "my --out").glob("runs/*/*.json"):
        edit(file, lambda data: data["run"]["provenance"].update(torch="--torch", device_name="--device"))
    on_the_command_line, in_python = both(**given)
    for line, out, again in zip(on_the_command_line, ("--out",) * 2, ("--rerun stale", "--rerun all"), strict=True):
        assert line.endswith(f"{again} trains the old runs again; another folder ({out}) keeps old and new runs apart.")
    for line, again in zip(in_python, ("rerun='stale'", "rerun='all'"), strict=True):
        assert line.endswith(f"{again} trains the old runs again; another folder (out) keeps old and new runs apart.")
        assert line.startswith("Warning: my --out holds runs made with ") and " --" in line.partition(" made with ")[2]


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("other", "my --out holds results that cannot be shown .* Choose another folder ({}), or delete my --out."),
        ("locked", "Another grokbench is writing to my --out: wait until it ends, or choose another folder ({})."),
        ("file", "my --out cannot be written .* or choose another folder ({}); what was saved before is kept."),
    ],
)
def test_a_folder_that_cannot_be_used_is_told_in_the_words_of_who_named_it(both, tmp_path, made, said):
    folder = tmp_path / "my --out"
    if made == "other":
        both(device="cpu", num_seeds=1, out="my --out")
        edit(folder / "manifest.json", lambda data: data["manifest"].update(suite="other"))
    elif made == "file":
        folder.write_text("")
    else:
        folder.mkdir()
        held = locks.locked(folder)
        held.__enter__()
    on_the_command_line, in_python = both(device="cpu", num_seeds=1, out="my --out")
    for lines, out in ((on_the_command_line, "--out"), (in_python, "out")):
        (line,) = lines
        first, _, last = said.format(out).partition(" .* ")
        assert line.startswith(first) and line.endswith(last), line


# ---- no option is written as text where both read

PROGRAM = Path(grokbench.__file__).parent
SHARED = "api data engine io launchers observers plan plugins runner seeds store suite suite_files validation"
FILES = sorted(
    file
    for name in SHARED.split()
    for file in [*PROGRAM.glob(f"{name}.py"), *(PROGRAM / name).rglob("*.py")]
)  # fmt: skip


def texts(tree):
    """Every string of a module, docstrings aside."""
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docs = {id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, owners) and ast.get_docstring(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(PROGRAM).as_posix())
def test_no_shared_module_writes_an_option_itself(file):
    assert not [text for text in texts(ast.parse(file.read_text(encoding="utf-8"))) if re.search(r"--[a-z]", text)]


def test_every_option_in_a_message_is_a_keyword_of_run():
    named = {
        node.args[0].value
        for file in FILES
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Option"
        and isinstance(node.args[0], ast.Constant)
    }  # fmt: skip
    assert {"device", "log", "methods", "num_seeds", "out", "plugins", "rerun", "seeds"} <= named
    assert named <= KEYWORDS | OF_EVALUATE
