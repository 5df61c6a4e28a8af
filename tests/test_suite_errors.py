"""Wrong suites through the command line: a place and a sentence for each, status 2, nothing written, no traceback."""

import json
import re
import subprocess
import sys

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grokbench.errors import GrokbenchError, SuiteError
from grokbench.runner import pipeline
from grokbench.runner.request import Request, resolve
from grokbench.suite import load_suite

from .helpers.tiny import grokbench
from .helpers.wrong_suites import GOOD, SHIPPED, WRONG

COMMANDS = ("run", "validate")
STRUCTURE = [(GOOD.replace(old, new, 1) if old else GOOD + new, place, phrase) for old, new, place, phrase in WRONG]

# Each row replaces the first text by the second in GOOD, or adds the second at its end; some are no text at all.
EDITS = [
    ("seeds: 4", "seeds:", "2:7", "seeds: nothing, expected a range such as 1000-1024, a list or a count"),
    ("seeds: 4", "seeds: '4'", "2:8", "the text '4' could be a count or a seed, expected the count 4 without quotes"),
    ("seeds: 4", "seeds: |\n  4", "2:8", "could be a count or a seed"),
    ("seeds: 4", "seeds: 1e3", "2:8", "the number 1000.0, expected a range"),
    ("seeds: 4", "seeds: 1,000", "2:8", "'000' is neither a seed nor a range"),
    ("seeds: 4", "seeds: -1-4", "2:8", "'-1-4' is a negative seed"),
    ("seeds: 4", "seeds: [0-3]", "2:9", "the text '0-3', expected a whole number"),
    ("seeds: 4", "seeds: [0, 1.0]", "2:12", "the number 1.0, expected a whole number"),
    ("seeds: 4", "seeds: 5000000000", "2:8", "5000000000 seeds, expected between 1 and 10000"),
    ("seeds: 4", "seeds: " + "9" * 99, "2:8", "seeds, expected between 1 and 10000"),
    ("seeds: 4", "seeds: " + "9" * 5000, "2:8", "a number of 5000 digits, expected at most 100"),
    ("seeds: 4", "seeds: *four", "2:8", "the alias '*four', expected the value itself"),
    ("suite: s", "%YAML 1.1\n---\nsuite: s", "1:1", "the directive '%YAML 1.1', expected none: a suite is YAML 1.2"),
    ("baseline: baseline", "baseline: ~", "3:11", "baseline: nothing, expected text"),
    ("baseline: baseline", "baseline", "3:1", "a line without a colon, expected 'key: value'"),
    ("baseline: baseline", "\tbaseline: baseline", "3:1", "a tab, expected spaces"),
    ("baseline: baseline", "baseline: 'baseline", "3:11", "the file ends within a quoted text, expected a closing"),
    ("epochs: 100", "epochs: 100 100", "4:55", "the text '100 100', expected a whole number"),
    ("epochs: 100", "epochs: 1e400", "4:55", "expected a whole number"),
    ("epochs: 100", "epochs: 0x", "4:55", "the text '0x', expected a whole number"),
    ("epochs: 100", "epochs: [100]", "4:55", "the list [100], expected a whole number"),
    ("epochs: 100", "grokked: {test_accuracy: '>= 1.01'}", "4:72", "can never hold or always holds"),
    ("epochs: 100", "grokked: {test_accuracy: > 0.8}", "4:72", "text that begins with >, expected it in quotes"),
    ("grokalign: {", "b\u0430seline: {use: baseline}, grokalign: {", "5:30", "looks like 'baseline'"),
    ("", "skip: [{task: xor, regularizer: grokalign, why: \"\\e[2J\"}]", "6:49", "the character U+001B, expected text"),
    ("", f"plugins: [{'a' * 300}.py]", "6:11", "expected its path relative to the suite's folder"),
]  # fmt: skip
STRUCTURE += [(GOOD.replace(old, new, 1) if old else GOOD + new, place, phrase) for old, new, place, phrase in EDITS]
GRID = "a: {grid: [" + ", ".join(map(str, range(200))) + "]}"
STRUCTURE += [
    (GOOD.replace("strength: 0.1", GRID).replace("xor: {}", "xor: {" + GRID + "}"), "5:1", "make 40401 cells"),
    ("", "1:1", "the file is empty, expected a suite"),
    ("# nothing\n", "1:1", "the file is empty"),
    ("- suite: s\n", "1:1", "the list [{suite: 's'}], expected a mapping"),
    (b"\x7fELF\x02\x01\x01" + bytes(900), "1:1", "the character U+007F is not allowed in a suite"),
    (bytes(range(256)) * 40, "2:118", "the byte 0x80 is not UTF-8"),
    (GOOD.encode("utf-16"), "1:1", "the byte 0xff is not UTF-8, expected the file saved as UTF-8"),
    (GOOD.encode() + b"description: caf\xe9\n", "6:17", "the byte 0xe9 is not UTF-8"),
    (GOOD + "description: a\0b\n", "6:15", "the character U+0000 is not allowed in a suite"),
    (b"\xef\xbb\xbf" + GOOD.replace("suite: s", "suit: s").encode(), "1:1", "Did you mean 'suite'?"),
    (GOOD.replace("seeds: 4", "seeds: 0").replace("\n", "\r\n"), "2:8", "seeds: 0 seeds"),
    ("a: b\n" * 2_000_000, "20001:1", "more than 100000 bytes, expected a suite, which is a page or two"),
    ("[" * 90_000, "1:21", "more than 20 levels of nesting"),
    ("a: [" + "1, " * 30_000 + "]", "1:14996", "more than 5000 values"),
]  # fmt: skip

PLUGINS = [
    ("sparse_parity", "sparse_party", "4:27", "no task 'sparse_party', expected one of: xor, sparse_parity"),
    ("sparse_parity", "sparse_party", "4:27", "Did you mean 'sparse_parity'?"),
    ("sparse_parity", "imagenet", "4:27", "no task 'imagenet', expected one of"),
    ("grokalign", "grokaling", "5:30", "no regularizer 'grokaling'"),
    ("grokalign", "gr\N{CYRILLIC SMALL LETTER O}kalign", "5:30", "CYRILLIC SMALL LETTER O"),
    ("strength: 0.1", "strenght: 0.1", "5:42", "grokalign has no parameter 'strenght'"),
    ("strength: 0.1", "self: 0.1", "5:42", "grokalign has no parameter 'self'"),
    ("strength: 0.1", "strength: '0.1'", "5:42", "expected a number, got the text '0.1'"),
    ("strength: 0.1", "strength: true", "5:42", "expected a number, got true"),
    ("strength: 0.1", "strength:", "5:42", "expected a number, got nothing"),
    ("strength: 0.1", "strength: [0.1]", "5:42", "expected a number, got the list [0.1]"),
    ("strength: 0.1", "strength: 1e-3x", "5:42", "got the text '1e-3x'"),
    ("strength: 0.1", "strength: 0,1", "5:54", "the key 1 is not text"),
    ("strength: 0.1", "strength:0.1", "5:42", "a key without a value. Did you mean 'strength: 0.1'?"),
    ("strength: 0.1", "strength 0.1", "5:42", "a key without a value. Did you mean 'strength: 0.1'?"),
    ("strength: 0.1", "strength: {grid: [0.1, high]}", "5:42", "got the text 'high'"),
    ("strength: 0.1", "norm: cubed", "5:42", "expected 'squared' or 'frobenius', got the text 'cubed'"),
    ("strength: 0.1", "projections: 2.0", "5:42", "expected a whole number, got the number 2.0"),
    ("strength: 0.1", "projections: 0", "5:30", "refuses its parameters: projections must be at least 1, got 0"),
    ("strength: 0.1", "per_task: {xor: {norm: cubed}}", "5:59", "got the text 'cubed'"),
    ("epochs: 100", "bits: many", "4:47", "expected a whole number, got the text 'many'"),
    ("epochs: 100", "width: -3", "4:27", "a layer must have from 1 to 1000000 units, got -3"),
    ("epochs: 100", f"width: 1{'0' * 30}", "4:27", "a layer must have from 1 to 1000000 units"),
    ("epochs: 100", f"samples: 1{'0' * 30}", "4:27", "a training set of 5e+29 examples, expected at most"),
    ("epochs: 100", "samples: 1", "4:27", "the training set is empty"),
    ("epochs: 100", "lr: -0.1", "4:27", "lr must not be negative, got -0.1"),
    ("epochs: 100", "grokked: {tset_accuracy: '> 0.9'}", "4:57", "no metric 'tset_accuracy'"),
    ("epochs: 100", "grokked: {noise_accuracy: '> 0.9'}", "4:57", "no metric 'noise_accuracy', expected one of"),
    ("epochs: 100", "epochs: 10, stop: {sustained: 12}", "4:59", "sustained for 12 evaluations, but 10 epochs have"),
    ("epochs: 100", "epochs: 100, evaluate_every: 7", "4:47", "100 epochs, expected a multiple of evaluate_every, 7"),
    ("", "metrics: {wieght_norm: {}}", "6:11", "Did you mean 'weight_norm'?"),
    ("", "metrics: {a: {use: loss, weights: rwa}}", "6:35", "expected 'evaluated' or 'raw'. Did you mean 'raw'?"),
    ("", "metrics: {a: {use: loss, split: tset}}", "6:26", "no task has the split 'tset', expected one of: train"),
    ("", "metrics: {restricted_loss: {}}", "6:11", "restricted_loss needs a task with modulus; no task here has it"),
    ("", "metrics: {test_loss: {use: loss}}", "6:11", "every task records a metric of this label already"),
]  # fmt: skip
PLUGINS = [(GOOD.replace(old, new, 1) if old else GOOD + new, place, phrase) for old, new, place, phrase in PLUGINS]
PLUGINS += [
    (
        GOOD.replace("epochs: 100", "grokked: {a: '> 3'}") + "metrics: {a: {use: accuracy}}",
        "4:57",
        "'> 3' can never hold or always holds, expected a bound between 0 and 1",
    )
]
CASES = STRUCTURE + PLUGINS


@pytest.fixture
def told(tmp_path, monkeypatch):
    """What a command says about a suite of this text; it has to refuse it and write nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pipeline, "open_store", None)  # a suite that is accepted trains nothing here

    def run(command, text):
        (tmp_path / "s.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
        done = grokbench(command, "s.yaml")
        assert done.status == 2 and done.out == ""
        assert [file.name for file in tmp_path.rglob("*")] == ["s.yaml"]
        assert done.err.startswith("Error: ") and "Traceback" not in done.err
        return done.err.removeprefix("Error: ").splitlines()

    return run


def test_the_collection_of_wrong_suites_is_large():
    assert len({text for text, _, _ in CASES}) >= 150


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("case", range(len(CASES)), ids=lambda i: re.sub(r"\W+", "-", CASES[i][2])[:50])
def test_a_wrong_suite_is_refused_with_a_place_and_a_sentence(told, command, case):
    text, place, phrase = CASES[case]
    lines = told(command, text)
    assert all(re.match(r"s\.yaml:\d+:\d+: ", line) and len(line) < 500 for line in lines), lines
    assert any(line.startswith(f"s.yaml:{place}: ") and phrase in line for line in lines), lines


def test_a_path_that_is_no_file_is_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.yaml").mkdir()
    long = "a" * 300 + ".yaml"
    names = {"folder.yaml": "this is a folder", "none.yaml": "no such file", long: "name too long", "qick": "quick"}
    for command in COMMANDS:
        for name, phrase in names.items():
            done = grokbench(command, name)
            assert (done.status, done.out) == (2, "") and phrase in done.err and len(done.err.splitlines()) == 1
    assert [file.name for file in tmp_path.rglob("*")] == ["folder.yaml"]


@pytest.mark.parametrize(
    ("name", "files", "said"),
    [
        (
            "mini.yml",
            ["mini.yml"],
            "Error: no suite 'mini.yml'. Rename mini.yml to mini.yaml. Expected a path",
        ),
        (
            "mini.yml",
            ["mini.yaml"],
            "'mini.yml'. Did you mean the file mini.yaml? Expected a path",
        ),
        ("mini.yml", ["mini.yaml", "mini.yml"], "Did you mean the file mini.yaml? Expected"),
        ("mini.yml", [], "Did you mean the file mini.yaml? Expected"),
        ("mini.YAML", ["mini.YAML"], ". Rename mini.YAML to mini.yaml. Expected"),
        ("quick.yml", [], ". Did you mean 'quick'? Expected"),
        ("a" * 300 + ".yml", [], "a...? Expected"),
    ],
)
def test_a_file_of_another_suffix_is_told_which_one_is_expected(tmp_path, monkeypatch, name, files, said):
    monkeypatch.chdir(tmp_path)
    for file in files:
        (tmp_path / file).write_text(GOOD, encoding="utf-8")
    for command in COMMANDS:
        done = grokbench(command, name)
        assert (done.status, done.out) == (2, "") and said in done.err
        assert done.err.startswith("Error: no suite '") and len(done.err.splitlines()) == 1


def test_a_wrong_structure_is_told_before_torch_is_imported(tmp_path):
    for number, (text, _, _) in enumerate(STRUCTURE):
        (tmp_path / f"{number}.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    code = f"""
import sys
from grokbench.cli import main
for number in range({len(STRUCTURE)}):
    sys.argv = ["grokbench", "run", f"{{number}}.yaml"]
    try:
        main()
    except SystemExit as end:
        assert end.code == 2, number
    assert not {{"torch", "scipy", "torchvision"}} & set(sys.modules), number
"""
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr.count("Error: ") == len(STRUCTURE)


# ---- no suite that silently means something else


def leaves(data, path=()):
    """Every scalar of some data, with its path."""
    if isinstance(data, dict | list):
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield from leaves(value, (*path, key))
    else:
        yield path, data


def with_leaf(data, path, value):
    if not path:
        return value
    changed = dict(data) if isinstance(data, dict) else list(data)
    changed[path[0]] = with_leaf(data[path[0]], path[1:], value)
    return changed


def resolved(folder, text):
    (folder / "s.yaml").write_text(text, encoding="utf-8")
    return resolve(Request(str(folder / "s.yaml"), device="cpu"))


SUITES = {name: yaml.safe_load(file.read_text(encoding="utf-8")) for name, file in SHIPPED.items()}
LEAVES = [(name, path, value) for name, data in SUITES.items() for path, value in leaves(data)]
FEW = ("paper", "figure8-small")  # between them every section of a suite
NUMBERS = [leaf for leaf in LEAVES if isinstance(leaf[2], int | float) and not isinstance(leaf[2], bool)]


@pytest.mark.parametrize("name", FEW[1:])
def test_no_number_may_be_written_as_something_else(tmp_path, name):
    """In quotes, in a list, in a mapping, as a truth value, or (a whole number) as a decimal one."""
    for path, value in [(path, value) for suite, path, value in NUMBERS if suite == name]:
        wrong = [str(value), [value], {"a": value}, True, [str(value)]]
        wrong += [float(value)] if isinstance(value, int) and path[-1] in COUNTS else []
        wrong.remove([value]) if path == ("seeds",) else None  # one seed
        for other in wrong:
            with pytest.raises(GrokbenchError, match=r"s\.yaml:\d+:\d+: "):
                resolved(tmp_path, json.dumps(with_leaf(SUITES[name], path, other)))


COUNTS = {"seeds", "epochs", "evaluate_every", "bits", "width", "samples", "modulus", "dimensions", "test_samples"}


@pytest.mark.parametrize("name", FEW)
def test_no_text_may_be_written_as_something_else(tmp_path, name):
    for path, value in [(path, value) for suite, path, value in LEAVES if suite == name and isinstance(value, str)]:
        for other in (7, True, [value], {"a": value}):
            listed = path[-1] == "use" or path[0] == "skip" and path[-1] in ("task", "regularizer")
            meant = (path, other) == (("seeds",), 7) or listed and other == [value]  # a count; a list of one
            if not meant:
                with pytest.raises(GrokbenchError, match=r"s\.yaml:\d+:\d+: "):
                    resolved(tmp_path, json.dumps(with_leaf(SUITES[name], path, other)))


@pytest.mark.parametrize("name", FEW)
def test_every_key_of_a_shipped_suite_counts(tmp_path, name):
    """A key that is misspelt anywhere is refused, or is a label, which then says so."""
    text = SHIPPED[name].read_text(encoding="utf-8")
    for key in sorted({str(key) for path, _ in leaves(SUITES[name]) for key in path if isinstance(key, str)}):
        # `[^#\n]*?`: not in a comment
        misspelt = re.sub(rf"^([^#\n]*?)(?<![\w.]){re.escape(key)}:", rf"\1{key}x:", text, count=1, flags=re.MULTILINE)
        assert misspelt != text
        try:
            plan = resolved(tmp_path, misspelt)
        except GrokbenchError as error:
            assert "s.yaml:" in str(error)
        else:
            assert any(key + "x" in (cell.task, cell.regularizer, *cell.measured) for cell in plan.cells), key


# ---- fuzz

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(sorted(COUNTS)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
EDITED = [
    "", "-", "9", ".", "e5", "\n", "  ", "\t", ": ", ", ", "[", "]", "{", "}", "'", '"', "#", "~", "null", "&a ", "*a",
    "!!str ", "? ", "| ", "> ", "\r", "\ufeff", "\0", "inf", "<<: ", "---\n", "%", "\N{CYRILLIC SMALL LETTER A}",
]  # fmt: skip
PATHS = sorted({(name, path[:n]) for name, path, _ in LEAVES for n in range(1, len(path) + 1)}, key=repr)
fuzz = settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])


@fuzz
@given(st.sampled_from(PATHS), json_values | st.builds(lambda v: {"grid": v}, json_values))
def test_any_value_in_any_place_is_accepted_or_refused_in_words(tmp_path, place, value):
    name, path = place
    try:
        resolved(tmp_path, json.dumps(with_leaf(SUITES[name], path, value)))
    except GrokbenchError as error:
        assert re.match(r".*s\.yaml:\d+:\d+: ", str(error))


@fuzz
@given(st.sampled_from(sorted(SHIPPED)), st.data())
def test_any_edit_of_a_shipped_suite_is_accepted_or_refused_in_words(tmp_path, name, data):
    text = SHIPPED[name].read_text(encoding="utf-8")
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        stop = data.draw(st.integers(start, min(len(text), start + 12)))
        inserted = data.draw(st.sampled_from(EDITED) | st.text(max_size=6))
        text = text[:start] + inserted + text[stop:]
    try:
        resolved(tmp_path, text)
    except GrokbenchError as error:
        assert re.match(r".*s\.yaml:\d+:\d+: ", str(error))


@fuzz
@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_words(tmp_path, raw):
    (tmp_path / "s.yaml").write_bytes(raw)
    with pytest.raises(SuiteError, match=r"s\.yaml:\d+:\d+: "):
        load_suite(str(tmp_path / "s.yaml"))
