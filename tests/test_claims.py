"""The claims of the paper: predicates that hold and fail where they should, and the page that is made from them."""

import ast
import sys
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from grokbench import engine
from grokbench.commands.figures import PAPER, SLICES
from grokbench.engine import REVISION
from grokbench.engine.arithmetic import flop_per_epoch
from grokbench.metrics.jacobian import centroid_alignment
from grokbench.plan import expand
from grokbench.plugins import load_registry
from grokbench.records import Curve, Outcome
from grokbench.suite import load_suite
from grokbench.suite_files import shipped_suites

from .helpers import claim_folders
from .helpers.claim_folders import EPOCHS, RISING, TABLE
from .helpers.metric_probes import probe_of
from .helpers.small_cells import make_step, small

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT))  # `claims` is imported from the checkout
main, page, paper, reduced = (import_module(f"claims.{name}") for name in ("__main__", "page", "paper", "reduced"))
Results, Missing = page.Results, page.Missing
sys.path.remove(str(ROOT))

CLAIMS = {
    f"{item.name}: {claim.text}": claim
    for item in paper.ITEMS
    if not item.name.startswith(("Table 1", "Table 4"))
    for claim in item.claims
}
FALLING = tuple(reversed(RISING))
M, C, X = "mnist", "cifar10", "xor"
# One curve, or one epoch to grok, of one seed is enough to make a claim fail.
FAILURES = {
    "Figure 1: the centroids align with their images": (M, "grokalign", "centroid_alignment", FALLING),
    "Figure 2: alignment rises as the network generalises, and again":
        (X, "baseline", "mean_alignment", (0, 0.1, 0.3, 0.3)),
    "Figure 2: the norms of the centroids rise, then wither": (X, "baseline", "mean_norm", RISING),
    "Figure 3: PC1 rises in all four trainings": ("squared_error", "grokalign", "pc1", FALLING),
    "Figure 4: alignment rises during grokking": (M, "baseline", "test_accuracy", RISING),  # it never generalises
    "Figure 4: GrokAlign ends better aligned": (M, "baseline", "centroid_alignment", (0, 0, 0, 0.9)),
    "Figure 4: GrokAlign ends more accurate under attack": (M, "baseline", "pgd", (0, 0, 0, 0.7)),
    "Figure 4: GrokAlign reaches 60% under attack sooner (62% fewer)": (M, "baseline", 60),
    "Figure 5: GrokAlign's largest accuracy under attack is higher":
        (C, "baseline", "pgd_normalised", (0, 0.5, 0.1, 0.1)),
    "Figure 5: centroid alignment tells when to stop": (C, "grokalign", "pgd_normalised", (0, 0.5, 0.4, 0.4)),
    "Figure 6: Grok(Un)Align keeps the norms of the centroids high": (M, "baseline", "centroid_norm", (1, 1, 1, 50)),
    "Figure 6: Grok(Un)Align does not align": (M, "grokunalign", "centroid_alignment", (0, 0, 0, 0.5)),
    "Figure 6: Grok(Un)Align does not generalise": (M, "grokunalign", "test_accuracy", (0, 0, 0.9, 0)),
    "Figure 7: adversarial training (noise) ends with an alignment in between":
        (M, "gaussian_noise", "centroid_alignment", (0, 0, 0, 0.9)),
    "Figure 7: adversarial training (noise) generalises at a time in between":
        (M, "gaussian_noise", "test_accuracy", (0, 0, 0, 0.9)),
    "Figure 7: adversarial training (attack) ends with an alignment in between":
        (M, "pgd_training", "centroid_alignment", (0, 0, 0, 0.05)),
    "Figure 7: adversarial training (attack) generalises at a time in between":
        (M, "pgd_training", "test_accuracy", (0, 0.9, 0.9, 0.9)),
    "Figure 8: frozen: GrokAlign groks sooner": ("frozen", "baseline", 50),
    "Figure 8: learnt: GrokAlign does not grok sooner": ("learnt", "grokalign", 20),
    "Figure 8: learnt: GrokAlign lowers the Gini coefficient": ("learnt", "grokalign", "gini", (0, 0, 0, 0.8)),
    "Figure 10: GrokAlign's centroids are better aligned": (M, "grokalign", "centroid_alignment", (0, 0, 0, 0.1)),
    "Table 5: GrokAlign is more accurate in the mean": (C, "baseline", "mean", (0, 0, 0, 0.63)),
}  # fmt: skip


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    return claim_folders.figures(tmp_path_factory.mktemp("figures"))


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return claim_folders.table(tmp_path_factory.mktemp("table"))


def edited(folder, seeds, task, method, *change):
    """The results of a folder with a curve, or an epoch to grok, of some seeds replaced."""
    results = Results(folder)
    runs = results.runs(task, method)
    for seed in seeds:
        if len(change) == 2:
            curve = Curve(EPOCHS, tuple(map(float, change[1])))
            runs[seed] = replace(runs[seed], curves={**runs[seed].curves, change[0]: curve})
        else:
            runs[seed] = replace(runs[seed], outcome=Outcome.GROKKED, grokked_at=change[0])
    return results


@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_holds_and_fails(figures, name):
    judge, *failure = CLAIMS[name].judge, *FAILURES[name]
    assert judge(Results(figures)).holds
    seeds = (1000, 1001) if failure[:2] == ["learnt", "grokalign"] and len(failure) == 3 else (1001,)
    judged = judge(edited(figures, seeds, *failure))
    assert not judged.holds and judged.said


@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_without_its_curves_is_not_judged(table, name):
    with pytest.raises(Missing, match=r"is not complete|there is no cell|has no curve of"):
        CLAIMS[name].judge(Results(table))


def test_the_claims_of_tables_1_and_4_hold_and_fail(table, tmp_path):
    claims = [claim for item in paper.ITEMS if item.name in ("Table 1", "Table 4") for claim in item.claims]
    assert [claim.judge(Results(table)).holds for claim in claims] == [True] * 4
    other = {task: {**row, "orthograd": 70, "grokalign": 79} for task, row in TABLE.items()}
    assert [claim.judge(Results(claim_folders.table(tmp_path, other, 1.0))).holds for claim in claims] == [False] * 4


def test_the_page_is_made_from_the_committed_results():
    assert page.tables() in page.PAGE.read_text(encoding="utf-8"), "python -m claims.page"


def test_an_item_without_a_results_folder_is_not_run(tmp_path):
    rows = page.tables(tmp_path).partition("## Theorems,")[0].splitlines()[4:]
    started = [row for row in rows if row.startswith("| Fig") or row.startswith("| Tab")]
    assert len(started) == len(paper.ITEMS) and all(row.split(" | ")[3] == page.NOT_RUN for row in started)
    assert not [row for row in rows if "held" in row or "did not" in row]


def test_an_item_with_a_folder_shows_size_outcome_and_thumbnail(figures, tmp_path):
    folder = tmp_path / "figure8-small"
    folder.symlink_to(figures)
    (item,) = [item for item in paper.ITEMS if item.name == "Figure 8"]
    first, _, third = map(" | ".join, page._lines(item, tmp_path))
    assert (
        "reduced, 2 of 3 seeds: `results/figure8-small`" in first and "**held** (reduced): frozen embeddings" in first
    )
    assert "50 and never (0 of 2 seeds) epochs, sooner on 2 of 2 seeds" in first
    assert "0.4 < 0.8 in the mean, in this order on 2 of 2 seeds" in third
    (figures / "figures").mkdir()
    (figures / "figures" / "figure8.png").touch()
    assert (
        page.picture(item, page.folders(item, tmp_path)) == "![Figure 8](../results/figure8-small/figures/figure8.png)"
    )


@pytest.mark.parametrize("item", paper.ITEMS, ids=lambda item: item.name)
def test_the_suites_and_figures_of_an_item_exist(item):
    assert item.suites and set(item.suites) <= set(shipped_suites())
    assert item.plot in ("", *SLICES, *PAPER)
    assert {claim.reduced for claim in item.claims} <= {"", *reduced.REDUCED}


@pytest.mark.parametrize("theorem", paper.THEOREMS, ids=lambda theorem: theorem.name)
def test_the_tests_of_a_theorem_exist(theorem):
    for test in theorem.tests:
        file, name = test.split("::")
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert [each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name.startswith(name)], test


@pytest.mark.parametrize("name", reduced.REDUCED)
def test_a_cut_down_suite_is_sound_and_smaller(name, tmp_path):
    suite, full = load_suite(str(reduced.write(name, tmp_path))), load_suite(name)
    cells = expand(suite, load_registry(suite.plugins), "float32", REVISION)
    whole = expand(full, load_registry(full.plugins), "float32", REVISION)
    assert [cell.key for cell in cells] == [cell.key for cell in whole] and set(suite.seeds) <= set(full.seeds)
    assert all(mine.budget <= theirs.budget for mine, theirs in zip(cells, whole, strict=True))


def test_the_session_asserts_what_holds_on_committed_results(figures):
    claim = CLAIMS["Figure 8: frozen: GrokAlign groks sooner"]
    good, bad = Results(figures), partial(edited, figures, (1001,), "frozen", "baseline", 50)
    assert not main.verdict(claim, good, [good])[1]
    assert main.verdict(claim, bad(), [good]) == (
        "does not hold (frozen embeddings, GrokAlign, weight decay: 50 and 50 (1 of 2 seeds) epochs, sooner on 1 of 2 "
        "seeds); on the committed results it holds",
        True,
    )
    assert not main.verdict(claim, bad(), [bad()])[1] and not main.verdict(claim, bad(), [])[1]


def test_the_session_fails_if_a_claim_cannot_be_judged(figures, table):
    assert main.verdict(CLAIMS["Figure 3: PC1 rises in all four trainings"], Results(table), [])[1]


def test_a_measurement_of_centroid_alignment_costs_less_than_an_epoch():
    """Forward and back to the inputs, where training also needs the gradients of the weights."""
    with FlopCounterMode(display=False) as counter:
        centroid_alignment(split="train").measure(probe_of("sparse_parity"))
    step = make_step(small("sparse_parity"))
    group, _ = engine.start(step, (0, 1), "cpu", torch.float32)
    assert 0 < counter.get_total_flops() < flop_per_epoch(step, group)
