"""The page of the open leaderboard: verdicts by rule, the claims as data, and the page that folders of results give."""

import math
import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

from grokbench.judging.conclusions import Conclusion

from .helpers import board_folders

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT))  # `claims` is imported from the checkout
board, leaderboard, literature, reported, standings, verdicts = (
    import_module(f"claims.{name}")
    for name in ("board", "leaderboard", "literature", "reported", "standings", "verdicts")
)
sys.path.remove(str(ROOT))

Verdict, Measured = verdicts.Verdict, verdicts.Measured
FASTER, SLOWER, SAME = Conclusion.FASTER, Conclusion.SLOWER, Conclusion.NO_DIFFERENCE
TIMES = [300, 320, 340, 360, 380, 400, 420, 440, 460, 480]
SEEDS = len(TIMES)
UNTUNED = {
    "parity": {
        "baseline": TIMES,
        "rate_x3": [at // 3 for at in TIMES],
        "orthograd": [at // 2 for at in TIMES],
        "ema": [310, 300, 350, 350, 390, 390, 420, 440, 440, 490],
        "swa": [150, 600, 200, 700, 380, 300, 420, 800, 230, 480],
        "placebo": [302, 318, 344, 356, 386, 394, 420, 440, 464, 476],
    },
    "parity_no_decay": {"baseline": [None] * SEEDS, "orthograd": [300 + i for i in range(SEEDS)]},
    "division": {
        "baseline": TIMES,
        "grokfast": TIMES[:5],
        "decay_of_grokfast": [at + 20 for at in TIMES],
        "grokfast_with_decay": [at // 4 for at in TIMES],
    },
}
TUNED = {
    "parity": {"baseline": [at // 6 for at in TIMES], "orthograd": [at // 3 for at in TIMES], "placebo": [None] * SEEDS}
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    board_folders.make(
        folder / "accelerators", UNTUNED, SEEDS, skipped=[("division", "ema")], lost=[("parity", "rate_x3")]
    )
    board_folders.make(folder / "accelerators-tuned", TUNED, SEEDS)
    return folder


@pytest.fixture(scope="module")
def made(results):
    return leaderboard.made(results).splitlines()


def line(lines, *beginnings):
    """The cells of the first line of a table that begins with these cells."""
    start = f"| {' | '.join(beginnings)} |"
    return next(each for each in lines if each.startswith(start)).removeprefix("| ").removesuffix(" |").split(" | ")


def part(lines, heading):
    """The lines below a heading, up to the next one."""
    start = lines.index(heading) + 1
    end = next((i for i in range(start, len(lines)) if lines[i].startswith("#")), len(lines))
    return lines[start:end]


# ---- verdicts


def found(conclusion, low, high, **facts):
    return Measured(20, 20, (20, 20), math.sqrt((low or 1) * (high or 1)), low, high, None, conclusion, **facts)


@pytest.mark.parametrize(
    ("measured", "published", "expected"),
    [
        (None, 2.0, Verdict.NOT_RUN),
        (Measured(20, 19), 2.0, Verdict.NOT_RUN),
        (found(SLOWER, 0.5, 0.9), 2.0, Verdict.REVERSED),
        (found(FASTER, 1.5, 2.5), 2.0, Verdict.HELD),
        (found(FASTER, 1.5, 2.5), None, Verdict.HELD),
        (found(FASTER, 1.5, None), 50.0, Verdict.HELD),  # a lower bound
        (found(FASTER, 1.5, 1.9), 2.0, Verdict.SMALLER),
        (found(FASTER, 2.5, 2.9), 2.0, Verdict.LARGER),
        (found(SAME, 0.9, 1.4), 2.0, Verdict.NO_EFFECT),
        (found(SAME, 0.9, 1.2), None, Verdict.NO_EFFECT),
        (found(SAME, 0.9, 1.4), None, Verdict.NOT_DECIDED),
        (found(SAME, 0.9, 2.4), 2.0, Verdict.NOT_DECIDED),
        (found(SAME, 1.1, 1.2), 2.0, Verdict.NOT_DECIDED),
        (found(FASTER, 0.99, 1.4), 2.0, Verdict.NOT_DECIDED),
        (found(Conclusion.FASTER_WHERE_IT_GROKS, None, 3.0), 2.0, Verdict.NOT_DECIDED),
        (Measured(20, 20, (0, 0)), None, Verdict.NOT_DECIDED),
    ],
)
def test_a_rule_of_one_task(measured, published, expected):
    assert verdicts.per_task(measured, published) is expected


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        ("held, not run", Verdict.NOT_RUN),
        ("held, larger", Verdict.HELD),
        ("held, smaller", Verdict.SMALLER),
        ("no effect shown, no effect shown", Verdict.NO_EFFECT),
        ("reversed, no effect shown", Verdict.REVERSED),
        ("smaller, reversed", Verdict.MIXED),
        ("held, no effect shown", Verdict.MIXED),
        ("held, not decided", Verdict.NOT_DECIDED),
        ("no effect shown, not decided", Verdict.NOT_DECIDED),
    ],
)
def test_a_rule_over_tasks(tasks, expected):
    assert verdicts.over_tasks(list(map(Verdict, tasks.split(", ")))) is expected


def test_every_verdict_has_its_rules():
    assert set(verdicts.PER_TASK) == set(Verdict) - {Verdict.MIXED}
    assert set(verdicts.OVER_TASKS) == set(Verdict) - {Verdict.LARGER}


def test_a_claim_that_a_method_is_slower_turns_the_ratio_over():
    turned = Measured(8, 8, (7, 8), 0.5, None, 0.8, "upper", SLOWER).inverted()
    assert turned == Measured(8, 8, (8, 7), 2.0, 1.25, None, "lower", FASTER)


# ---- claims


@pytest.mark.parametrize("claim", literature.CLAIMS, ids=lambda claim: claim.name)
def test_a_claim_names_rows_of_the_suites(claim):
    assert any(each.published for each in claim.contrasts)
    for each in claim.contrasts:
        planned = set(board.Board(each.suite, ROOT / "nowhere").planned)
        tasks = each.published or {task for task, method in planned if method == each.method}
        assert (
            tasks
            and {(task, label) for task in tasks for label in (each.method, each.against or "baseline")} <= planned
        )
        assert all(ratio is None or ratio > 1 for ratio in each.published.values())


def test_the_published_ratio_on_mnist_is_that_of_the_loss_of_the_suite():
    (task,) = [task for task in board.Board("accelerators", ROOT / "nowhere").suite.tasks if task.label == "mnist"]
    expected = {"cross_entropy": 2508 / 328, "mse": 7496 / 1154}[task.use.parameters["loss"]]
    assert expected == literature.GROKALIGN_ON_MNIST, "claims.literature has the ratio of the other loss"


# ---- the page


def test_a_task_has_a_table_in_the_order_of_places(made):
    rows = part(made, "### accelerators: parity")
    assert "The baseline groks at least 5 times later than it memorises on 10 of 10 seeds." in rows[1]
    shown = [each.split(" | ")[0].strip("| ") for each in rows if each.startswith("| `") or each.startswith("| **")]
    assert shown == ["`baseline`", "**`rate_x3`**", "`orthograd`", "`swa`", "`ema`", "`placebo`"]
    assert line(rows, "**`rate_x3`**")[1:5] == ["1", "10/10", "10/10, 130", "130"]
    assert line(rows, "**`rate_x3`**")[-2:] == ["lr 0.01 -> 0.03", ""]
    assert line(rows, "`ema`")[-4] == "1.50x" and line(rows, "`ema`")[-1] == "averaged_weights"


def test_the_fastest_methods_stand_first(made):
    rows = part(made, "## The fastest methods")
    assert line(rows, "parity")[1] == "`rate_x3`" and line(rows, "parity")[3] == "lr 0.01 -> 0.03"
    assert line(rows, "division")[
        1
    ] == "`grokfast_with_decay`" and "| division | *3 of 4 methods run so far* |" in "".join(rows)
    assert not [each for each in rows if "parity_no_decay" in each]  # not ranked
    assert "| parity | none is significantly faster than `baseline` |" in "".join(rows)  # tuned


def test_a_task_without_a_delay_has_no_places(made):
    rows = part(made, "### accelerators: parity_no_decay")
    assert "on 0 of 10 seeds: the task is not ranked." in rows[1]
    assert line(rows, "`orthograd`")[1] == "-" and line(rows, "`orthograd`")[5].startswith(">= ")


def test_seeds_that_are_missing_are_counted(made):
    assert line(part(made, "### accelerators: division"), "`grokfast`")[2] == "*5 of 10 seeds run*"
    assert "115 of 120 replicas run." in part(made, "## Settings of the literature")[1]
    assert line(part(made, "### Grokfast"), "**division**", "`grokfast` over `baseline`")[-4:] == [
        *("5 of 10", "-", "43.8x", "*not run*"),
    ]


def test_tuning_removes_a_delay_and_an_advantage(made):
    rows = part(made, "## What tuning changes")
    assert "with the task's settings the baseline groks at 390 epochs, 19.5x its epochs to memorise; tuned" in rows[1]
    assert rows[1].endswith("Tuning removes the delay of 5 times that a race needs.")
    assert line(rows, "`orthograd`")[-1] == "**removed**" and line(rows, "`placebo`")[-1] == "none before"


def test_the_significant_results_of_the_placebo_are_counted(made):
    (text,) = [each for each in part(made, "## The placebo") if each]
    assert text.startswith("1 of 2 tests") and "within the 95% range of the binomial distribution, 0 to 1." in text


def test_a_claim_has_an_interval_and_a_verdict_on_each_task(made):
    rows = part(made, "### OrthoGrad")
    assert line(rows, "**parity**")[-1] == "*smaller*" and line(rows, "**parity**")[3].startswith("2.00x [")
    assert line(rows, "**parity_no_decay**")[-1] == "*held*"
    assert line(rows, "parity", "`orthograd` over `baseline`, tuned")[-1] == "slower"
    assert "Verdict: *smaller*." in rows
    assert line(part(made, "### Tuned AdamW"), "**parity**", "`baseline` over `orthograd`, tuned")[-1] == "*held*"
    assert line(made, "[OrthoGrad](#orthograd)")[-1] == "*smaller*"


def test_a_row_is_compared_with_its_control(made):
    cells = line(part(made, "### Grokfast"), "division", "`grokfast_with_decay` over `decay_of_grokfast`")
    assert cells[2] == "10, 10" and cells[3].startswith("4.2") and cells[-1] == "faster"


def test_an_undecided_claim_says_how_many_seeds_would_do(made):
    rows = part(made, "### Weight averaging")
    assert line(rows, "**parity**", "`ema` over `baseline`")[-1] == "*no effect shown*"
    text = line(rows, "**parity**", "`swa` over `baseline`")[-1]
    known = re.fullmatch(r"\*not decided\*: some (\d+) seeds would show a ratio of 1.25x with probability 0.8", text)
    assert known and int(known[1]) > SEEDS


def test_more_seeds_do_not_help_where_seeds_did_not_grok(results):
    found, contrast = Measured(8, 8, (0, 0)), literature.Contrast("ema", published={"parity": None})
    text = reported._verdict(contrast, board.Board("accelerators", results), "parity", found)
    assert text.endswith("this takes a longer budget, not more seeds")


def test_folders_that_are_missing_are_not_run(tmp_path):
    lines = leaderboard.made(tmp_path).splitlines()
    rows = [each for each in lines if " over `" in each]
    assert rows and all(each.strip("| ").split(" | ")[-1].strip("*") == "not run" for each in rows)
    assert not [each for each in lines if "**`" in each]
    assert {line(lines, f"[{claim.name}](#{anchor(claim)})")[-1] for claim in literature.CLAIMS} == {"*not run*"}


def anchor(claim):
    return claim.name.lower().replace(" ", "-")


def test_the_page_is_that_of_the_committed_results():
    """The long test compares all of it."""
    text = leaderboard.PAGE.read_text(encoding="utf-8")
    assert leaderboard.digest() in text, "python -m claims.leaderboard"
    assert all(claim.says in text and claim.differs in text for claim in literature.CLAIMS), (
        "python -m claims.leaderboard"
    )


def test_the_digest_changes_with_a_result(results, tmp_path):
    before = leaderboard.digest(results)
    file = next((results / "accelerators").rglob("10*.json"))
    text = file.read_text()
    file.write_text(text + "\n")
    assert leaderboard.digest(results) != before
    file.write_text(text)


@pytest.mark.long
def test_the_page_is_made_from_the_committed_results():
    assert leaderboard.made() in leaderboard.PAGE.read_text(encoding="utf-8"), "python -m claims.leaderboard"
