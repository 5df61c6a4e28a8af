"""Figures: they show what the leaderboard says, whatever a folder holds, and their files need nothing else."""

import json
import math
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from shutil import which

import altair as alt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grokbench.columns import speedup_text
from grokbench.evidence import gather
from grokbench.figures import FIGURES, Drawing, Sheet, drawings
from grokbench.figures.axes import around, height_of, linear_ticks, log_ticks
from grokbench.figures.files import FORMATS, file_name, rendered
from grokbench.figures.labels import CUT, LONGEST, cut, spread
from grokbench.figures.style import APART, PAGE, PAPER, colours
from grokbench.figures.summary import averages
from grokbench.store import Store
from grokbench.survival import kaplan_meier

from . import awkward, drawable

MILLIMETRES = {"single": 85, "double": 175}
POINT = 25.4 / 72  # millimetres
LEAST = 7.0  # points of text
TWO = ("parity", "another")
EXPRESSIONS = {"expr", "labelExpr", "filter", "test", "calculate", "signal"}
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    """name -> what a folder of that kind holds."""
    found = {}

    def of(name):
        if name not in found:
            folder = tmp_path_factory.mktemp("folder")
            make = {"awkward": awkward.make, "sound": lambda at: drawable.make(at, tasks=TWO), "60": drawable.crowded}
            make = make.get(name) or (lambda at: drawable.make(at, **drawable.AWKWARD[name]))
            found[name] = gather(Store.load(make(folder)))
        return found[name]

    return of


def drawn(sheet):
    return [drawing for figure in FIGURES for drawing in drawings(sheet, figure)]


def one(sheet, figure, task="parity"):
    """Specification of a figure."""
    (found,) = [drawing for drawing in drawings(sheet, figure) if drawing.task == task]
    return found.specification


def rows(specification, *fields):
    """Every row of its data that has these fields."""
    every = [row for data in specification["datasets"].values() for row in data]
    return [row for row in every if set(fields) <= set(row)]


def text_sizes(svg):
    """Points of every text that is shown."""
    root = ElementTree.fromstring(svg)
    scale = float(root.get("width").removesuffix("pt")) / float(root.get("viewBox").split()[2])
    return [scale * float(text.get("font-size").removesuffix("px")) for text in root.iter(f"{SVG}text") if text.text]


def shown_text(svg):
    return [text.text for text in ElementTree.fromstring(svg).iter(f"{SVG}text") if text.text]


KINDS = ["sound", "awkward", "60", *drawable.AWKWARD]


@pytest.mark.parametrize("kind", KINDS)
def test_every_figure_is_written_in_every_format(evidence, kind, capfd):
    found = drawn(Sheet(evidence(kind), PAPER["single"]))
    assert found or kind == "nothing"
    for drawing in found:
        svg, pdf, png = (rendered(drawing.specification, format) for format in FORMATS)
        ElementTree.fromstring(svg)
        assert pdf.startswith(b"%PDF-") and png.startswith(b"\x89PNG\r\n")
    assert "WARN" not in capfd.readouterr().err.upper()


@pytest.mark.parametrize("width", PAPER)
@pytest.mark.parametrize("kind", KINDS)
def test_text_is_large_enough_and_the_figure_no_wider_than_the_column(evidence, kind, width):
    for drawing in drawn(Sheet(evidence(kind), PAPER[width], log=False)):
        svg = rendered(drawing.specification, "svg")
        root = ElementTree.fromstring(svg)
        wide = float(root.get("width").removesuffix("pt")) * POINT
        assert 0.9 * MILLIMETRES[width] < wide <= MILLIMETRES[width], drawing.title
        assert min(text_sizes(svg)) >= LEAST, drawing.title


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("log", [True, False])
def test_specifications_are_vega_lite(evidence, kind, log):
    """Checked here against its schema, and so not whenever something is drawn."""
    for style in (PAGE, PAPER["single"]):
        for drawing in drawn(Sheet(evidence(kind), style, log)):
            alt.LayerChart.from_dict({**drawing.specification, "datasets": {}}, validate=True)
            json.dumps(drawing.specification, allow_nan=False)
            names = {layer["data"]["name"] for layer in drawing.specification["layer"]}
            assert names == set(drawing.specification["datasets"]), drawing.title


def expressions(part, key=None):
    """Every text of a specification that Vega would evaluate."""
    if isinstance(part, dict):
        yield from (each for name, value in part.items() if name != "datasets" for each in expressions(value, name))
    elif isinstance(part, list):
        yield from (each for value in part for each in expressions(value, key))
    elif isinstance(part, str) and key in EXPRESSIONS:
        yield part


def test_labels_are_never_part_of_an_expression(evidence):
    """The expressions of a folder with strange labels are those of one with plain ones, but for numbers."""

    def said(kind):
        found = drawn(Sheet(evidence(kind), PAPER["single"]))
        return {re.sub(r"\d+(\.\d+)?", "0", each) for drawing in found for each in expressions(drawing.specification)}

    plain = said("sound")
    assert plain and said("strange labels") == plain and said("awkward") == plain
    assert not any(label in each for label in drawable.STRANGE for each in said("60"))


def test_strange_labels_are_shown_as_they_are(evidence):
    svg = rendered(one(Sheet(evidence("strange labels"), PAPER["double"]), "forest"), "svg")
    assert set(map(cut, drawable.STRANGE)) <= set(shown_text(svg)) and b"<script" not in svg


def test_an_svg_brings_its_font_and_asks_for_nothing(evidence):
    for drawing in drawn(Sheet(evidence("sound"), PAPER["single"])):
        svg = rendered(drawing.specification, "svg").decode()
        assert "@font-face{font-family:Roboto;src:url(data:font/ttf;base64," in svg
        outside = svg.replace("http://www.w3.org/2000/svg", "").replace("http://www.w3.org/1999/xlink", "")
        assert "http" not in outside and "<image" not in svg and "<script" not in svg
        assert re.findall(r"url\((?!data:|#)", svg) == [] and re.findall(r'href="(?!#)', svg) == []
        families = {text.get("font-family") for text in ElementTree.fromstring(svg).iter(f"{SVG}text") if text.text}
        assert families == {"Roboto"}


def test_a_pdf_embeds_its_font_and_has_the_size_of_the_svg(evidence, tmp_path):
    specification = one(Sheet(evidence("sound"), PAPER["single"]), "survival")
    pdf = rendered(specification, "pdf")
    assert b"Roboto" in pdf and b"/FontFile" in pdf
    root = ElementTree.fromstring(rendered(specification, "svg"))
    box = [float(part) for part in re.search(rb"/MediaBox ?\[([^\]]*)\]", pdf)[1].split()]
    assert box[2:] == pytest.approx([float(root.get(side).removesuffix("pt")) for side in ("width", "height")], abs=1)
    if which("pdffonts"):
        (tmp_path / "a.pdf").write_bytes(pdf)
        listed = subprocess.run(["pdffonts", tmp_path / "a.pdf"], capture_output=True, text=True, check=True).stdout
        names = listed.splitlines()[2:]
        assert names and all("Roboto" in line and " yes " in line for line in names)


def test_a_png_has_400_pixels_to_the_inch(evidence):
    png = rendered(one(Sheet(evidence("sound"), PAPER["single"]), "forest"), "png")
    assert int.from_bytes(png[16:20], "big") == pytest.approx(PAPER["single"].width / 72 * 400, abs=1)


def test_the_forest_shows_the_rows_of_the_leaderboard(evidence):
    for kind in ("sound", "diverged", "at the start", "one seed"):
        sheet = Sheet(evidence(kind), PAPER["double"])
        mine = {row.regularizer: row for row in sheet.evidence.rows("parity") if row.regularizer != "baseline"}
        shown = {row["method"]: row for row in rows(one(sheet, "forest"), "method", "speedup")}
        assert list(shown) == list(mine)
        for label, row in mine.items():
            entry = shown[label]
            numbers = {"speedup": row.speedup, "low": row.speedup_low, "high": row.speedup_high}
            for name, value in {**numbers, "corrected": row.p_holm}.items():
                assert entry[name] == (None if value is None else pytest.approx(value, rel=1e-4)), (kind, label, name)
            assert entry["text"] == entry["shown"] == speedup_text(row)
            assert entry["grokked"] == f"{row.grokked} of {row.seeds}"


def test_published_numbers_are_drawn_and_said(evidence):
    specification = one(Sheet(evidence("awkward"), PAPER["single"]), "forest", awkward.TASK)
    shown = {row["method"]: row["published"] for row in rows(specification, "published")}
    assert shown[awkward.SPECIAL] == 2.0 and shown["never"] is None
    assert "speed-up (tick: published)" in json.dumps(specification)


def test_intervals_in_figures_give_way_to_the_plot(evidence):
    specification = one(Sheet(evidence("60"), PAPER["single"]), "forest")
    assert not any("[" in row["shown"] for row in rows(specification, "shown"))
    assert any("[" in row["text"] for row in rows(specification, "shown"))


def test_the_survival_curve_is_kaplan_meier(evidence):
    for kind in ("sound", "diverged", "failed", "at the start", "all censored"):
        sheet = Sheet(evidence(kind), PAPER["single"], log=False)
        steps = rows(one(sheet, "survival"), "share")
        for each in sheet.evidence.of("parity"):
            cell = each.measured
            mine = [row for row in steps if row["method"] == cell.cell.regularizer and "censored" in row]
            at, share = kaplan_meier(cell.times, cell.grokked)
            assert [row["epoch"] for row in mine[1:-1]] == at.tolist()
            assert [row["share"] for row in mine[1:-1]] == pytest.approx(share.tolist(), rel=1e-4)
            assert mine[0]["share"] == 1 and mine[-1]["epoch"] == max(cell.times)
            assert mine[-1]["censored"] is not all(cell.grokked)
            assert not any(row["censored"] for row in mine[:-1])


def test_numbers_at_risk_by_hand(evidence):
    # 60, 64, 66, 70, 80 and one censored at 100; six from 20 to 30; four from 90 to 96 and two censored at 100
    shown = {}
    for row in rows(one(Sheet(evidence("sound"), PAPER["single"], log=False), "survival"), "left"):
        shown.setdefault(row["method"], {})[row["epoch"]] = row["left"]
    assert shown == {
        "baseline": {0: 6, 20: 6, 40: 6, 60: 6, 80: 2, 100: 1},
        "faster": {0: 6, 20: 6, 40: 0, 60: 0, 80: 0, 100: 0},
        "slower": {0: 6, 20: 6, 40: 6, 60: 6, 80: 6, 100: 2},
    }


def test_numbers_at_risk_stand_below_the_ticks_and_the_title(evidence):
    for log in (True, False):
        svg = rendered(one(Sheet(evidence("sound"), PAPER["single"], log), "survival"), "svg")
        specification = one(Sheet(evidence("sound"), PAPER["single"], log), "survival")
        axis = specification["layer"][1]["encoding"]["x"]["axis"]
        assert {row["epoch"] for row in rows(specification, "left")} == set(axis["values"])
        places = heights(svg)
        assert places["epochs"] + 7 < places["seeds that have not grokked:"] < min(places["numbers"]) - 7


def heights(svg):
    """Pixels from the top of what is written at the bottom of a survival figure."""
    found = {"numbers": []}

    def walk(part, top):
        moved = re.match(r"translate\(([-\d.]+),([-\d.]+)\)", part.get("transform") or "")
        top += float(moved[2]) if moved else 0.0
        if part.tag == f"{SVG}text" and part.text in ("epochs", "seeds that have not grokked:"):
            found[part.text] = top
        if part.get("class", "").startswith("mark-text role-mark"):
            found["numbers"] += [top + _down(each) for each in part if each.text and each.text.isdigit()]
        for child in part:
            walk(child, top)

    def _down(each):
        return float(re.match(r"translate\([-\d.]+,([-\d.]+)\)", each.get("transform"))[1])

    walk(ElementTree.fromstring(svg), 0.0)
    return found


def test_seconds_are_those_of_the_leaderboard(evidence):
    sheet = Sheet(evidence("sound"), PAPER["single"])
    mine = {row.regularizer: row for row in sheet.evidence.rows("parity")}
    assert len(rows(one(sheet, "seconds"), "seconds")) == 3
    for entry in rows(one(sheet, "seconds"), "seconds"):
        assert entry["seconds"] == pytest.approx(mine[entry["method"]].seconds_mean, rel=1e-4)
        assert entry["epochs"] == pytest.approx(mine[entry["method"]].epochs_mean, rel=1e-4)
        assert entry["low"] <= entry["seconds"] <= entry["high"]
        assert entry["kind"].startswith("estimate" if entry["method"] == "faster" else "at least")


def test_curves_are_the_bands(evidence):
    sheet = Sheet(evidence("sound"), PAPER["single"])
    for drawing in drawings(sheet, "accuracy"):
        for label in ("test_accuracy", "train_accuracy"):
            for method in sheet.evidence.methods:
                band = sheet.evidence.bands[drawing.task, method][label]
                every = rows(drawing.specification, "metric")
                shown = [row for row in every if (row["metric"], row["method"]) == (label, method)]
                for name in ("low", "median", "high"):
                    assert [row[name] for row in shown] == pytest.approx(list(getattr(band, name)), rel=1e-4)
                assert [row["epoch"] for row in shown] == band.epochs.tolist()
        levels = [row for row in rows(drawing.specification, "median") if set(row) == {"median"}]
        assert levels == [{"median": 0.9}]


def test_single_seeds_end_where_they_were_followed_to(evidence):
    specification = one(Sheet(evidence("sound"), PAPER["single"], seeds=True), "accuracy")
    assert {"name": "single", "value": True} in specification["params"]
    ends = {}
    for row in rows(specification, "seed"):
        ends[row["method"], row["seed"]] = max(row["epoch"], ends.get((row["method"], row["seed"]), 0))
    for method, epochs in drawable.FEW.items():
        assert [ends[method, seed] for seed in drawable.SEEDS] == [at or 100 for at in epochs]


def test_values_over_decades_are_on_a_logarithmic_axis(evidence):
    (loss,) = [each for each in drawings(Sheet(evidence("diverged")), "metrics") if each.metric == "loss"]
    scale = loss.specification["layer"][0]["encoding"]["y"]["scale"]
    assert scale["type"] == "log" and 0 < scale["domain"][0] < math.exp(-8) and scale["domain"][1] > 1
    (strange,) = drawings(Sheet(evidence("awkward")), "metrics")
    assert strange.specification["layer"][0]["encoding"]["y"]["scale"]["type"] == "linear"


def test_the_summary_holds_every_speed_up_and_averages_of_the_same_tasks_alone(evidence, tmp_path):
    sheet = Sheet(evidence("sound"), PAPER["single"])
    mine = {(row.regularizer, row.task): row for row in sheet.evidence.leaderboard.rows}
    shown = {(row["method"], row["task"]): row for row in rows(one(sheet, "summary", ""), "speedup")}
    assert {task for _, task in shown} == {*TWO, "all 2 tasks"}
    for (method, task), entry in shown.items():
        ratios = [mine[method, each].speedup for each in ([task] if task in TWO else TWO)]
        assert entry["speedup"] == pytest.approx(math.prod(ratios) ** (1 / len(ratios)), rel=1e-4)
    partly = drawable.make(tmp_path, tasks=TWO)
    for file in (partly / "runs" / "c4").glob("*.json"):  # `faster` on the second task
        file.unlink()
    assert set(averages(gather(Store.load(partly)))) == {"slower"}
    assert averages(evidence("skipped")) == {}


def test_a_method_has_one_colour_in_every_figure(evidence):
    for kind in ("sound", "60", "not all begun", "skipped"):
        sheet = Sheet(evidence(kind), PAPER["single"])
        known = dict(zip(sheet.evidence.methods, colours(sheet.evidence.methods), strict=True))
        for drawing in drawn(sheet):
            if drawing.figure == "summary":
                continue
            for layer in drawing.specification["layer"]:
                colour = layer["encoding"].get("color")
                if colour and "field" in colour:
                    scale = colour["scale"]
                    assert scale["range"] == [known[label] for label in scale["domain"]], drawing.title


def test_a_legend_names_what_is_drawn_and_nothing_else(evidence):
    sheet = Sheet(evidence("not all begun"), PAPER["single"])
    for figure in ("survival", "accuracy"):
        text = shown_text(rendered(one(sheet, figure), "svg"))
        assert "baseline" in text and "faster" not in text
    text = shown_text(rendered(one(Sheet(evidence("sound"), PAPER["single"]), "survival"), "svg"))
    assert {"baseline", "faster", "slower"} <= set(text)


def test_beyond_what_colours_tell_apart_every_line_has_its_label(evidence):
    sheet = Sheet(evidence("60"), PAPER["single"])
    assert len(sheet.evidence.methods) == 60 > APART and sheet.crowded
    labels = {cut(label) for label in sheet.evidence.methods}
    for figure in ("survival", "accuracy", "metrics", "seconds"):
        (drawing,) = drawings(sheet, figure)
        svg = rendered(drawing.specification, "svg")
        assert labels <= set(shown_text(svg)), figure
        places = sorted({row["to"] for row in rows(drawing.specification, "to")})
        assert len(places) == 60
        assert min(b - a for a, b in zip(places, places[1:], strict=False)) >= sheet.style.text
        assert 0 <= places[0] and places[-1] <= drawing.specification["height"]
    assert not Sheet(evidence("sound")).crowded and rows(one(Sheet(evidence("sound")), "survival"), "to") == []


def test_what_there_is_nothing_for_is_not_drawn(evidence):
    assert {each.figure for each in drawn(Sheet(evidence("all censored")))} == {
        *("survival", "accuracy", "seconds", "metrics")
    }
    assert "seconds" not in {each.figure for each in drawn(Sheet(evidence("no timings")))}


def test_nothing_finished_gives_no_figure(tmp_path):
    folder = drawable.make(tmp_path, {"baseline": [], "faster": []}, timed=False)
    assert drawn(Sheet(gather(Store.load(folder)))) == []


def test_all_failed_gives_no_figure(tmp_path):
    every = {(label, seed) for label in drawable.FEW for seed in drawable.SEEDS}
    assert drawn(Sheet(gather(Store.load(drawable.make(tmp_path, failed=every))))) == []


def test_descriptions_say_what_is_shown(evidence):
    for drawing in drawn(Sheet(evidence("sound"))):
        said = drawing.specification["description"]
        assert "faster" in said and said.endswith(".") and drawing.task in said
    said = one(Sheet(evidence("sound")), "survival")["description"]
    assert "baseline: 5 of 6 seeds grokked, median 68 epochs" in said


def test_the_page_and_files_share_data(evidence):
    sheet = Sheet(evidence("sound"))
    log, linear = (one(replace(sheet, log=log), "accuracy") for log in (True, False))
    assert log["datasets"] == linear["datasets"] and set(log["datasets"]) <= set(sheet.datasets)


strange = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=90)


@given(st.tuples(strange, strange), st.tuples(strange, strange))
@settings(max_examples=200, deadline=None)
def test_names_of_files_are_safe_and_apart(one, other):
    names = [file_name(Drawing("metrics", task, {}, label)) for task, label in (one, other)]
    assert all(re.fullmatch(r"metrics-[a-z0-9_=.,-]+", name) and len(name) < 200 for name in names)
    assert (names[0] == names[1]) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a-b", "c"), ("a", "b-c")),
        (("A", "c"), ("a", "c")),
        (("a/b", "c"), ("a_b", "c")),
        (("x" * 61, "c"), ("x" * 62, "c")),
        (("é", "c"), ("e\u0301", "c")),
        (("..", "c"), ("._", "c")),
    ],
)
def test_names_that_look_alike_stay_apart(one, other):
    assert file_name(Drawing("metrics", *_split(one))) != file_name(Drawing("metrics", *_split(other)))


def _split(pair):
    return pair[0], {}, pair[1]


def test_plain_labels_are_the_names_of_files():
    assert file_name(Drawing("metrics", "sparse_parity", {}, "test_loss")) == "metrics-sparse_parity-test_loss"
    assert file_name(Drawing("summary", "", {})) == "summary"


@given(st.floats(1e-5, 1e6), st.floats(1.0001, 1e6), st.integers(3, 9))
@settings(deadline=None)
def test_ticks_are_round_few_and_within(low, ratio, most):
    span = (low, low * ratio)
    for found in (log_ticks(span, most), linear_ticks(span, most)):
        assert found == sorted(set(found)) and len(found) <= most
        assert all(span[0] * (1 - 1e-6) <= tick <= span[1] * (1 + 1e-6) for tick in found)


def test_ticks_by_hand():
    assert log_ticks((1, 178), 5) == [1, 3, 10, 30, 100]
    assert log_ticks((65, 170)) == [80, 100, 120, 140, 160]
    assert log_ticks((0.25, 1.3)) == [0.3, 0.5, 1.0]
    assert log_ticks((1, 1e9), 6) == [1, 1e2, 1e4, 1e6, 1e8]
    assert linear_ticks((0, 100)) == [0, 20, 40, 60, 80, 100]
    assert linear_ticks((0.9, 1.05)) == [0.9, 0.95, 1.0, 1.05]
    assert linear_ticks((2, 2)) == log_ticks((2, 2)) == [2]


def test_where_values_stand():
    assert height_of(0.25, (0.0, 1.0), False, 100) == 75
    assert height_of(10, (1, 100), True, 100) == pytest.approx(50)
    assert around([1, 2], False, 0.5) == (0.5, 2.5) and around([3], False)[0] < 3 < around([3], False)[1]
    assert around([0], False)[0] < 0 < around([0], False)[1] and around([4], True)[0] < 4


@given(st.lists(st.floats(0, 100), min_size=1, max_size=12))
def test_places_are_moved_apart_in_order(places):
    moved = spread(places, 5.0, 0.0, 100.0)
    order = sorted(range(len(places)), key=places.__getitem__)
    assert all(moved[b] - moved[a] >= 5 - 1e-9 for a, b in zip(order, order[1:], strict=False))
    assert min(moved) >= -1e-9 and max(moved) <= 100 + 1e-9
    assert spread([10, 20, 30], 5.0, 0.0, 100.0) == [10, 20, 30]


def test_long_labels_lose_their_middle_the_same_way_everywhere(evidence, tmp_path):
    label = "grokalign_with_a_long_name[strength=0.0001]"
    assert len(cut(label)) == LONGEST and cut(label).endswith("strength=0.0001]"[-LONGEST // 2 + 1 :])
    assert cut("x" * LONGEST) == "x" * LONGEST and "datum.label" in CUT
    folder = drawable.make(tmp_path, {"baseline": [60] * 6, label: drawable.FEW["faster"]})
    sheet = Sheet(gather(Store.load(folder)), PAPER["single"])
    for figure, task in (("forest", "parity"), ("summary", "")):
        assert cut(label) in shown_text(rendered(one(sheet, figure, task), "svg"))


def test_the_command_starts_without_altair():
    code = "import sys, grokbench.commands.figures; assert not {'altair', 'vl_convert'} & set(sys.modules)"
    subprocess.run([sys.executable, "-P", "-c", code], check=True)
