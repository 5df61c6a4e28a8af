"""Submissions: a method of a package of its own is prepared and passes the check; altered folders are refused."""

import importlib.metadata
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from grokbench.records import Use, identity
from grokbench.store import Store
from grokbench.submissions import schema
from grokbench.submissions.body import body
from grokbench.submissions.draws import chance, draw
from grokbench.submissions.folder import read_files
from grokbench.submissions.tolerance import placebo_tolerance, tolerance

from .helpers import tiny
from .helpers.result_folders import BASELINE, a_cell, make, recipe_of
from .test_plugins import entry

SUITE = """\
suite: tiny
seeds: 1000-1005
baseline: baseline
tasks:
  parity:
    use: sparse_parity
    bits: 8
    relevant: 2
    width: 32
    samples: 200
    lr: 0.02
    weight_decay: 1.0
    epochs: 80
    evaluate_every: 2
regularizers: {baseline: {}, placebo: {}}
"""
METHOD = '''\
"""A method of a package of its own."""

from grokbench import Regularizer, hookimpl


def size(local, state, at):
    return 0.01 * local.outputs.square().mean()


def small_outputs() -> Regularizer:
    """Keep the outputs small."""
    return Regularizer(penalty=size)


@hookimpl
def grokbench_regularizers():
    yield small_outputs
'''
BASE = "0123456789abcdef0123456789abcdef01234567"


class Patched:
    """Training in this process, with a package that is installed, and clocks that take no time."""

    def __init__(self, root):
        from grokbench.engine import timing
        from grokbench.launchers.local import pool

        file = tiny.write(root, METHOD, "small_outputs_plugin.py")
        self.patched = pytest.MonkeyPatch()
        package = entry(file, "small-outputs", "small_outputs_plugin")
        self.patched.setattr(importlib.metadata, "entry_points", lambda **by: [package])
        self.patched.setattr(pool, "launch", tiny.launch_here)
        self.patched.setattr(timing, "LEAST_SECONDS", 1e-4)
        self.patched.setattr(timing, "ROUNDS", 3)
        self.patched.chdir(root)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder with the suite, its committed results, and a submission of one method beside them."""
    root = tmp_path_factory.mktemp("submissions")
    tiny.write(root, SUITE)
    patched = Patched(root).patched
    try:
        for words in (
            ("run", "tiny.yaml", "--device", "cpu", "--out", "first"),
            ("pack", "first"),
            ("run", "tiny.yaml", "--device", "cpu", "--out", "second", "--with", "mine: {use: small_outputs}"),
            ("pack", "second", "--out", "packed"),
            ("prepare-submission", "packed", "--out", "submission"),
        ):
            done = tiny.grokbench(*words)
            assert done.status == 0, done.err
        yield root
    finally:
        patched.undo()


@pytest.fixture
def submission(root, tmp_path):
    """A copy of the submission, to be altered."""
    return shutil.copytree(root / "submission", tmp_path / "submission")


def checked(folder, *options):
    """What the check says, on one line each."""
    return tiny.grokbench("check-submission", folder, "--base", BASE, "--suite", "tiny.yaml", *options)


def lines_of(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def rewritten(file, change):
    """Change the records of a file, each in one line."""
    records = lines_of(file)
    for record in records:
        change(record)
    file.write_text("".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records))


def own(root):
    """The identity of the submitted method's cell."""
    return next(cell.identity for cell in Store.load(root).manifest.cells if cell.regularizer == "mine")


# ---- what a method of its own gets


def test_the_submission_passes_and_its_replicas_are_trained_again(root):
    done = checked(root / "submission", "--draws", "4")
    assert done.status == 0, done.out + done.err
    assert "Drawn: 4 replicas of 6, some 0 CPU-minutes." in done.out and "1: 67%, 5: 100%." in done.out
    assert done.out.count("recomputed: first crossing: submitted") == 4
    assert (
        "Tolerance of parity / mine, first crossing: a factor of" in done.out
        and "6 pairs of baseline with and without placebo" in done.out
    )
    assert done.out.endswith("The submission passes.\n")


def test_it_has_all_outcomes_and_only_its_own_curves(root):
    folder = root / "submission"
    assert len(lines_of(folder / "outcomes.jsonl")) == 18
    assert {line["identity"] for line in lines_of(folder / "curves.jsonl")} == {own(folder)}
    assert (folder / "requirements.txt").read_text() == "small-outputs==1.2\n"
    text = (folder / "README.md").read_text()
    assert "| parity | mine | 6/6 |" in text and "package small-outputs 1.2, sha256" in text
    assert "Seeds on which each method was tuned" in text and "results/tiny" in text


def test_the_published_schema_is_made_from_the_records():
    assert schema.schema() == json.loads(json.dumps(schema.make_schema()))


def test_the_draw_depends_on_the_folder_and_on_the_base_commit(root):
    store, files = Store.load(root / "submission"), read_files(root / "submission")

    def seeds(base=BASE, **changed):
        return [each.run.seed for each in draw(store, files | changed, base, 4).drawn]

    assert seeds() == seeds() and len({tuple(seeds(base)) for base in map(str, range(9))}) > 4
    assert len({tuple(seeds(**{"README.md": bytes([i])})) for i in range(9)}) > 4


@pytest.mark.parametrize(("altered", "expected"), [(1, 0.3), (2, 1 - 7 * 6 / 90), (8, 1.0), (20, 1.0)])
def test_the_chance_of_drawing_an_altered_replica(altered, expected):
    assert chance(altered, 3, 10) == pytest.approx(expected)


# ---- what is refused


def one_outcome(folder):
    """Another epoch, without another curve."""

    def change(run):
        if (run["identity"], run["seed"]) == (own(folder), 1004):
            run["grokked_at"] -= 2
            run["crossings"]["first"] -= 2

    rewritten(folder / "outcomes.jsonl", change)


def one_outcome_and_its_curve(folder):
    """Every row of the method groks at epoch 4, and so do its curves."""

    def earlier(run):
        if run["identity"] == own(folder):
            run["grokked_at"] = run["epochs"] = run["crossings"]["first"] = 4
            run["memorised_at"] = 4 if run["memorised_at"] else None

    def shorter(line):
        for curve in line["curves"].values():
            curve["epochs"] = [0, 2, 4]
            curve["values"] = [*curve["values"][:2], curve["values"][-1]]

    rewritten(folder / "outcomes.jsonl", earlier)
    rewritten(folder / "curves.jsonl", shorter)
    (folder / "README.md").write_text(body(Store.load(folder)))


def a_recipe(folder):
    """Another weight decay under the old identity."""

    def change(file):
        for cell in file["manifest"]["cells"]:
            cell["recipe"]["task"]["parameters"]["weight_decay"] = 2.0

    rewritten(folder / "manifest.json", change)


def a_recipe_and_its_identity(folder):
    """An easier task, under the identity that belongs to it."""
    store = Store.load(folder)
    names = {}
    for cell in store.manifest.cells:
        task = replace(cell.recipe.task, parameters={**cell.recipe.task.parameters, "weight_decay": 2.0})
        names[cell.identity] = identity(replace(cell.recipe, task=task).data())
    a_recipe(folder)
    for name in ("manifest.json", "outcomes.jsonl", "curves.jsonl", "timings.jsonl", "ledger.jsonl"):
        text = (folder / name).read_text()
        for was, now in names.items():
            text = text.replace(was, now)
        (folder / name).write_text(text)


def data(folder):
    rewritten(
        folder / "outcomes.jsonl",
        lambda run: run["identity"] != own(folder) or run["provenance"].update(data={"mnist": "f" * 64}),
    )


def privileges(folder):
    def change(file):
        file["manifest"]["cells"][-1]["privileges"] = ["sees the test labels"]

    rewritten(folder / "manifest.json", change)


def a_source(folder):
    def change(run):
        for name, origin in run["provenance"]["origins"].items():
            if name == "regularizers.small_outputs":
                origin["digests"] = {"1": "0" * 16, "2": "0" * 16}

    rewritten(folder / "outcomes.jsonl", change)


def a_reference_row(folder):
    rewritten(
        folder / "outcomes.jsonl",
        lambda run: run.update(prepare_seconds=1.0 if "reference" in run["provenance"] else 0.0),
    )


def a_host(folder):
    rewritten(folder / "outcomes.jsonl", lambda run: run["provenance"].update(host="anna-laptop"))


def a_path(folder):
    rewritten(folder / "manifest.json", lambda file: file["manifest"].update(description="in /home/anna/grok"))


def a_missing_run(folder):
    lines = (folder / "outcomes.jsonl").read_text().splitlines(keepends=True)
    (folder / "outcomes.jsonl").write_text("".join(lines[:-1]))
    lines = (folder / "curves.jsonl").read_text().splitlines(keepends=True)
    (folder / "curves.jsonl").write_text("".join(lines[:-1]))


def a_link(folder):
    (folder / "timings.jsonl").unlink()
    (folder / "timings.jsonl").symlink_to("/etc/passwd")


def a_pickle(folder):
    (folder / "weights.pt").write_bytes(b"\x80\x04.")


def statistics(folder):
    rewritten(folder / "manifest.json", lambda file: file["manifest"]["statistics"].update(alpha=0.2))


def the_text(folder):
    text = (folder / "README.md").read_text()
    (folder / "README.md").write_text(text.replace("| 1.00x |", "| 9.00x |"))


def a_row(folder):
    """Without the placebo, which nobody would miss."""

    def change(file):
        file["manifest"]["cells"] = [cell for cell in file["manifest"]["cells"] if cell["regularizer"] != "placebo"]

    gone = Store.load(folder).manifest.cells[1].identity
    rewritten(folder / "manifest.json", change)
    for name in ("outcomes.jsonl", "timings.jsonl"):
        kept = [line for line in (folder / name).read_text().splitlines(keepends=True) if gone not in line]
        (folder / name).write_text("".join(kept))


def another_cell(folder):
    with (folder / "outcomes.jsonl").open("a") as file:
        file.write((folder / "outcomes.jsonl").read_text().splitlines()[0].replace('"seed":1000', '"seed":7') + "\n")


TAMPERED = {
    one_outcome: "parity / mine, seed 1004, contradicts its own curve: its curve does not meet the criterion at",
    one_outcome_and_its_curve: "which rounding does not explain",
    a_recipe: "its recipe was edited: the recipe has the identity",
    a_recipe_and_its_identity: 'parity / mine has another recipe than the suite: task is {"use": "sparse_parity"',
    data: "parity was trained on other data than the published mnist",
    privileges: 'parity / mine: the field privileges differs from the suite and its plugins: ["sees the test labels"]',
    a_source: "parity / mine was made by package small-outputs 1.2, sha256 0000000000000000, and this is",
    a_reference_row: "is marked as a row of results/tiny but differs from the committed row",
    a_host: "outcomes.jsonl:1 does not fit the schema (provenance: Additional properties are not allowed ('host' was",
    a_path: "manifest.json publishes the path '/home/anna/grok'",
    a_missing_run: "parity / mine has 5 of 6 seeds: run the others first",
    a_link: "timings.jsonl cannot be read (it is a link, expected a file)",
    a_pickle: "holds 'weights.pt', expected only",
    statistics: "Its statistics are not those of the suite tiny",
    the_text: "README.md does not show the rows of the data",
    a_row: "parity / placebo is missing: submit every task and every row of the suite tiny",
    another_cell: "It holds 1 replica of cells or seeds that are not planned",
}


@pytest.mark.parametrize("tamper", TAMPERED, ids=lambda tamper: tamper.__name__)
def test_an_altered_folder_is_refused_with_its_reason(root, submission, tamper):
    tamper(submission)
    done = checked(submission, "--draws", "2")
    refused = [line for line in done.out.splitlines() if line.startswith("Refused: ")]
    assert done.status == 1 and any(TAMPERED[tamper] in line for line in refused), done.out + done.err
    assert "Traceback" not in done.err and done.err.startswith("The submission is refused for")


def test_a_folder_behind_a_link_is_refused(root, tmp_path):
    (tmp_path / "link").symlink_to(root / "submission")
    done = checked(tmp_path / "link")
    assert done.status == 1 and "is a link, expected the folder itself" in done.out


def test_a_row_that_seems_too_long_to_be_drawn_is_named(root, submission):
    rewritten(
        submission / "timings.jsonl", lambda timing: timing.update(seconds_per_epoch=[1e4], cpu_seconds_per_epoch=[1e4])
    )
    done = checked(submission)
    assert done.status == 1 and "6 replicas would take more than 20 CPU-minutes, and cannot be drawn." in done.out
    assert "No replica of parity / mine can be drawn: a maintainer must decide" in done.out


def test_what_is_not_packed_is_not_prepared(root):
    done = tiny.grokbench("prepare-submission", root / "first", "--out", root / "other")
    assert done.status == 2 and "is not a packed folder: it holds no outcomes.jsonl" in done.err


def test_a_wrong_packed_folder_is_not_prepared(submission, tmp_path):
    a_path(submission)
    done = tiny.grokbench("prepare-submission", submission, "--out", tmp_path / "other")
    assert done.status == 1 and "Error: manifest.json publishes the path" in done.err
    assert not (tmp_path / "other").exists()


def with_placebo(folder, *methods):
    """A folder made by hand, with rows of methods and, for each, a row of the method with a placebo 10% later."""
    cells, times = [], {}
    for method in methods:
        recipe = recipe_of(method)
        placebo = Use("placebo", {"scale": 1e-6})
        uses = (placebo,) if method == "baseline" else (*recipe.regularizers, placebo)
        cells += [a_cell(method), replace(a_cell(f"{method}_2"), recipe=replace(recipe, regularizers=uses))]
        times |= {method: BASELINE, f"{method}_2": [each * 1.1 // 1 for each in BASELINE]}
    return Store.load(make(folder, {name: list(map(int, each)) for name, each in times.items()}, cells))


def test_the_tolerance_is_a_prediction_interval_of_the_placebo_and_covers_all_its_pairs(tmp_path):
    found = tolerance("parity", with_placebo(tmp_path / "a", "baseline"), "first", 10)
    ratios = np.log([int(each * 1.1) / each for each in BASELINE])
    expected = stats.t.ppf(1 - 0.01 / 20, 8) * np.sqrt(np.mean(ratios**2))
    assert found.log_ratio == pytest.approx(expected) and found.pairs == 8
    assert (
        found.accepts(100, 120, 2)
        and found.accepts(100, 80, 2)
        and not found.accepts(100, 100 * np.exp(expected) + 1, 2)
    )


def test_a_method_with_a_placebo_row_has_a_tolerance_of_its_own(tmp_path):
    store = with_placebo(tmp_path / "a", "faster")
    found = placebo_tolerance(store.manifest.cells[0], store, "first", 10)
    assert found.words.startswith("a factor of") and "8 pairs of faster with and without placebo" in found.words
    assert placebo_tolerance(store.manifest.cells[1], store, "first", 10) is None


def test_without_a_placebo_the_spread_over_seeds_stands_in(root):
    store = Store.load(root / "results/tiny")
    store.manifest = replace(store.manifest, cells=store.manifest.cells[:1])
    found = tolerance("parity", store, "first", 4)
    assert found.pairs == 6 and "seeds of the baseline, in place of a placebo" in found.words
    assert found.accepts(14, 16, 2) and not found.accepts(1, 1000, 2)
