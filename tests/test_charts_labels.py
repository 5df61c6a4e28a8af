"""Labels, colours and ticks: a method is told from every other, and nothing is written over something else."""

import re
import xml.etree.ElementTree as ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from grokbench.judging.evidence import gather
from grokbench.report.charts import Sheet, drawings
from grokbench.report.charts.axes import around, linear_ticks, log_ticks
from grokbench.report.charts.files import rendered
from grokbench.report.charts.labels import CUT, LONGEST, cut
from grokbench.report.charts.style import MOST_COLOURS, PAPER, colours
from grokbench.store import Store

from .helpers import curve_folders
from .helpers.chart_specs import SVG, drawn, one, rows, shown_text


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


def test_beyond_what_colours_tell_apart_the_leaders_are_in_colour_over_the_others(evidence):
    sheet = Sheet(evidence("60"), PAPER["single"])
    methods = sheet.evidence.methods
    assert len(methods) == 60 > MOST_COLOURS and sheet.crowded and methods[0] == "baseline"
    assert sheet.selected == methods[:MOST_COLOURS]
    for figure in ("survival", "accuracy", "metrics", "seconds"):
        (drawing,) = drawings(sheet, figure)
        svg = rendered(drawing.specification, "svg")
        assert svg.count(b'stroke="#b9bcc2"') >= 52 or figure == "seconds", figure
        named = {cut(label) for label in methods} & set(shown_text(svg))
        assert named == ({cut(label) for label in sheet.selected}), figure
    chosen = Sheet(evidence("60"), PAPER["single"], chosen=("method3", "baseline"))
    assert set(chosen.selected) == {"baseline", "method3"}
    assert not Sheet(evidence("sound")).crowded and "others" not in str(one(Sheet(evidence("sound")), "survival"))


def test_long_labels_lose_their_middle_the_same_way_everywhere(tmp_path):
    label = "grokalign_with_a_long_name[strength=0.0001]"
    assert len(cut(label)) == LONGEST and cut(label).endswith("strength=0.0001]"[-LONGEST // 2 + 1 :])
    assert cut("x" * LONGEST) == "x" * LONGEST and "datum.label" in CUT
    folder = curve_folders.make(tmp_path, {"baseline": [60] * 6, label: curve_folders.FEW["faster"]})
    sheet = Sheet(gather(Store.load(folder)), PAPER["single"])
    for figure, task in (("forest", "parity"), ("summary", "")):
        assert cut(label) in shown_text(rendered(one(sheet, figure, task), "svg"))


def test_the_places_of_printed_values():
    assert around([1, 2], False, 0.5) == (0.5, 2.5) and around([3], False)[0] < 3 < around([3], False)[1]
    assert around([0], False)[0] < 0 < around([0], False)[1] and around([4], True)[0] < 4


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
