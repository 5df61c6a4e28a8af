"""The page of a results folder: one file that is correct HTML, asks for nothing, and shows text of others as text."""

import json
import re
import shutil
from dataclasses import replace
from functools import cache

import pytest

from grokbench.judging.evidence import gather
from grokbench.judging.note import Kind, info
from grokbench.judging.row_comparison import RowComparison
from grokbench.records import Skip
from grokbench.report.charts import Sheet, drawings
from grokbench.report.html import document
from grokbench.report.html.charts import charts, columns, embedded
from grokbench.report.html.tables import boards, published
from grokbench.store import Store
from grokbench.text.escape import printable

from .helpers import report_folders, result_folders
from .helpers.html_elements import Page
from .helpers.report_folders import FOLDERS, HOSTILE
from .helpers.tiny import grokbench

ALERT = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """Name of a folder -> its evidence and its page."""

    @cache
    def made(name):
        evidence = gather(Store.load(FOLDERS[name](tmp_path_factory.mktemp("folders") / name)))
        return evidence, document(evidence)

    return made


@pytest.mark.parametrize("name", FOLDERS)
def test_a_page_is_correct_html(shown, name):
    page = Page(shown(name)[1])
    assert page.faults == []
    ids = page.all("id")
    assert len(set(ids)) == len(ids)
    assert set(page.all("aria-labelledby")) <= set(ids)
    assert {link.removeprefix("#") for link in page.all("href")} <= set(ids)
    data = json.loads(page.scripts[0])
    assert set(data["charts"]) <= set(ids)
    assert sum(tag == "h1" for tag, _ in page.elements) == 1


@pytest.mark.parametrize("name", FOLDERS)
def test_a_page_asks_for_nothing(shown, name):
    text = shown(name)[1]
    page = Page(text)
    assert not [tag for tag, _ in page.elements if tag in ("link", "img", "iframe", "object", "embed", "base")]
    assert not [each for name in ("src", "srcset", "action", "formaction", "data") for each in page.all(name)]
    assert not re.search(r"url\(|@import", re.search(r"<style>(.*?)</style>", text, re.S)[1])
    (policy,) = [a["content"] for tag, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ") and "'unsafe-inline'" not in policy.split("style-src")[0]
    assert "http" not in policy


def test_text_of_others_stays_text(shown):
    evidence, text = shown("hostile")
    page = Page(text)
    assert ALERT not in text and len(page.scripts) == 3 and not any(HOSTILE in script for script in page.scripts)
    assert "\u2028" not in page.scripts[0] and "<" not in page.scripts[0] and "&" not in page.scripts[0]
    plain = printable(HOSTILE)
    for place in (
        plain + " Every method against",  # the description
        f"{plain}, 200 epochs at most",  # the task
        f"sam: skipped: {plain}",
        f"Left out: {plain} / sam ({plain}).",
        f"{plain}. Ratios are",  # the source
        f"{plain} / {plain}, seed 1007 Error: {plain}",
    ):
        assert place in page.text, place
    assert plain in page.all("value") and plain in page.all("data-method")
    recipe = next(text for text in page.texts if '"parameters"' in text and '"baseline"' not in text)
    assert json.loads(recipe)["task"]["parameters"][HOSTILE] == HOSTILE
    data = json.loads(page.scripts[0])
    labels = [columns["method"]["values"] for columns in data["datasets"].values() if "method" in columns]
    assert evidence.methods[1] == HOSTILE and any(plain in each for each in labels)


def test_half_a_character_is_replaced(tmp_path, monkeypatch):
    folder = result_folders.make(tmp_path / "out")
    monkeypatch.setattr("grokbench.report.html.document", lambda evidence: "a\ud800b")
    assert grokbench("report", folder).status == 0
    assert (folder / "report.html").read_bytes() == b"a?b"


@pytest.mark.parametrize("text", ["</script>", "<!--", "a\u2028b\u2029c", "&lt;", 'quo"te\\', "λ-中文 é", ""])
def test_embedded_data_comes_back_with_invisible_characters_escaped(text):
    written, visible = (
        embedded({text: [text, None, 1.5]}),
        text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"),
    )
    assert not set("<>&\u2028\u2029") & set(written)
    assert json.loads(written) == {text: [visible, None, 1.5]}


# ---- charts


def decoded(table):
    """Columns as the page's script takes them apart."""
    whole = {
        field: column if isinstance(column, list) else [column["values"][place] for place in column["places"]]
        for field, column in table.items()
    }
    return [dict(zip(whole, row, strict=True)) for row in zip(*whole.values(), strict=True)]


@pytest.mark.parametrize("name", ["several", "awkward", "failed", "censored", "one_seed"])
def test_columns_give_the_rows_back(shown, name):
    sheet = Sheet(shown(name)[0])
    drawn = charts(sheet)
    assert drawn.datasets and set(drawn.datasets) == set(sheet.datasets)
    for label, rows in sheet.datasets.items():
        fields = dict.fromkeys(field for row in rows for field in row)
        assert decoded(drawn.datasets[label]) == [{field: row.get(field) for field in fields} for row in rows]


def test_columns_of_rows_unlike_each_other():
    rows = [{"a": "x", "b": 1}, {"b": None, "c": "y"}, {"a": "x", "b": 2.5}]
    assert columns(rows) == {
        "a": {"values": ["x", None], "places": [0, 1, 0]},
        "b": [1, None, 2.5],
        "c": {"values": [None, "y"], "places": [0, 1, 0]},
    }
    assert columns([]) == {}


def test_the_page_draws_what_files_draw(shown):
    """The same specification, but for the data, which charts on the page share."""
    evidence = shown("several")[0]
    drawn = charts(Sheet(evidence))
    for log, scale in ((True, "log"), (False, "linear")):
        found = next(iter(drawings(Sheet(evidence, log=log), "accuracy")))
        (chart,) = drawn.of("accuracy", found.task)
        assert chart.scales[scale] == {k: v for k, v in found.specification.items() if k != "datasets"}
    assert [chart.scales.keys() for chart in drawn.of("forest", "parity")] == [{"only"}]
    assert [chart.metric for chart in drawn.of("metrics", "addition")] == ["weight_norm"]


# ---- tables


def column(table, header):
    """What a column shows, and what it is sorted by, by method."""
    place = list(table.sides).index(header)
    return {line.method: tuple(line.entries[place])[:2] for line in table.lines}


def test_columns_are_sorted_by_their_numbers(shown):
    table = boards(shown("several")[0])["parity"].table
    assert column(table, "grokked") == {"baseline": ("8/8", 8), "faster": ("8/8", 8), "slower": ("6/8", 6)}
    assert column(table, "median")["faster"] == ("70", 70)
    assert column(table, "method") == {"baseline": ("baseline", 0), "faster": ("faster", 1), "slower": ("slower", 2)}
    assert column(table, "speed-up [95%]")["baseline"] == ("-", None)
    assert column(table, "speed-up [95%]")["slower"] == ("<= 0.848x", pytest.approx(0.848, abs=1e-3))
    assert column(table, "p")["faster"] == ("0.0078", 2 / 2**8)
    assert all(len(line.entries) == len(table.sides) for line in table.lines)


def test_a_bound_against_another_row_is_sorted_by_its_valid_end(shown):
    evidence = shown("several")[0]
    bound = {"speedup": 0.8, "speedup_low": 0.6, "speedup_high": 0.9, "speedup_bound": "upper"}
    against = RowComparison(
        other="faster", **bound, p=0.01, p_holm=0.02, note=info(Kind.COMPARED_TO, "against", "faster")
    )
    rows = tuple(replace(row, comparisons=(against,)) for row in evidence.leaderboard.rows if row.task == "parity")
    board = boards(replace(evidence, leaderboard=replace(evidence.leaderboard, rows=rows)))["parity"]
    assert column(board.contrasts, "speed-up [95%]")["slower"] == ("<= 0.900x", 0.9)
    assert column(board.contrasts, "Holm p")["slower"] == ("0.02", 0.02)


def test_missing_values_sort_last_and_a_median_beyond_the_budget_as_the_budget(shown):
    assert column(boards(shown("skipped")[0])["parity"].table, "grokked")["sam"] == ("-", None)
    assert set(column(boards(shown("nothing")[0])["parity"].table, "mean").values()) == {("-", None)}
    assert set(column(boards(shown("censored")[0])["parity"].table, "median").values()) == {("> 200", 200)}


def test_places_and_the_methods_against_one_another(shown):
    board = boards(shown("several")[0])["parity"]
    places = column(board.table, "place")
    assert places == {"faster": ("1", 1), "baseline": ("2", 2), "slower": ("3", 3)}
    assert board.matrix.labels == ("baseline", "faster", "slower")
    assert board.matrix.cells[1][0].text == "1.98x *" and board.matrix.cells[0][1].text == "0.506x *"
    assert "place" not in boards(shown("many")[0])["素数の和"].table.sides  # eight seeds are too few for 190 pairs
    page = Page(shown("several")[1])
    assert "Methods against one another" in page.text and page.text.count("All tasks") == 1


def test_bold_is_the_label_and_the_speed_up_of_the_significant_best(shown):
    table = boards(shown("several")[0])["parity"].table
    strong = {line.method: [entry.text for entry in line.entries if entry.strong] for line in table.lines}
    assert strong.pop("faster")[0] == "faster" and not any(strong.values())


def test_published_numbers_stand_beside_ours(shown):
    table = published(shown("awkward")[0])
    assert [entry.text for entry in table.lines[0].entries[1:]] == ["baseline", "100", "135", "-", "-", "-"]
    told = [entry.text for entry in table.lines[1].entries[2:]]
    assert told == ["50", "68.8", "2.00x", "1.96x [1.79, 2.20]", "effect reproduced"]
    assert table.lines[0].entries[4].key is None and table.lines[1].entries[4].key == 2
    assert published(shown("several")[0]) is None


# ---- what the page says


def test_why_a_cell_was_left_out_and_what_failed(shown):
    assert "sam: skipped: not for this task" in Page(shown("skipped")[1]).text
    page = Page(shown("failed")[1])
    assert page.text.count("Error: ") == 9 and "parity / broken, seed 1006" in page.text
    assert "40 replicas planned: 28 grokked, 2 censored, 9 failed, 1 not run yet." in page.text
    assert "broken: incomplete: 1 of 8 seeds failed, 1 not run yet" in page.text
    assert "Failed replicas" not in Page(shown("several")[1]).text


def test_a_warning_is_said_once(shown, tmp_path):
    said = "8 seeds cannot reach a Holm p < 0.05"
    assert Page(shown("many")[1]).text.count(said) == 1
    damaged = Page(shown("damaged")[1]).text
    assert damaged.count("is damaged and counts as missing") == 2 and "22 grokked" not in damaged
    folder = result_folders.make(tmp_path / "out", torch="2.9.0")
    result_folders.edit_runs(folder, "faster", torch="2.8.0")
    page = Page(document(gather(Store.load(folder))))
    assert page.text.count("the runs were made with more than one torch") == 1
    assert "2.9.0 | 2.8.0" in page.text or "2.8.0 | 2.9.0" in page.text


def test_a_page_without_runs_says_so(shown):
    page = Page(shown("nothing")[1])
    assert "24 replicas planned: 24 not run yet." in page.text
    assert json.loads(page.scripts[0]) == {"charts": {}, "datasets": {}}
    assert "unknown" not in page.text


def test_a_task_not_run_yet_is_named(tmp_path):
    folder = report_folders.make(tmp_path / "out", tasks=("parity", "addition"))
    for cell in Store.load(folder).manifest.cells:
        if cell.task == "addition":
            shutil.rmtree(folder / "runs" / cell.identity)
    page = Page(document(gather(Store.load(folder))))
    assert "Not run yet: addition." in page.text and "Leaderboard of addition" not in page.all("aria-label")


def test_the_evidence_is_not_changed(shown):
    evidence = shown("several")[0]
    assert document(evidence) == document(evidence) == shown("several")[1]


@pytest.mark.parametrize("word", ["a b it's $(x)", "-"])
def test_commands_are_quoted(shown, word):
    evidence, _ = shown("several")
    page = Page(document(replace(evidence, folder=f"runs/{word}")))
    (commands,) = [text for text in page.texts if text.startswith("grokbench leaderboard")]
    quoted = {"a b it's $(x)": "'runs/a b it'\"'\"'s $(x)'", "-": "runs/-"}[word]
    assert commands.splitlines() == [
        f"grokbench leaderboard {quoted}",
        f"grokbench report {quoted}",
        f"grokbench run example --out {quoted} --seeds 1000-1007 --device cpu --precision float32",
    ]


def test_several_reasons_for_leaving_cells_out(tmp_path):
    skipped = [Skip("parity", "sam", "one"), Skip("parity", "muon", "two")]
    page = Page(document(gather(Store.load(report_folders.make(tmp_path / "out", skipped=skipped)))))
    assert "Left out: parity / sam (one), parity / muon (two)." in page.text
