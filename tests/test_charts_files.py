"""Files of figures: whole in every format, whatever a folder holds, with their font in them and names of their own."""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from shutil import which

import altair as alt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grokbench.report.charts import Drawing, Sheet
from grokbench.report.charts.files import FORMATS, file_name, rendered
from grokbench.report.charts.labels import cut
from grokbench.report.charts.style import PAGE, PAPER

from .helpers import curve_folders
from .helpers.chart_specs import KINDS, SVG, drawn, one, shown_text

MILLIMETRES = {"single": 85, "double": 175}
POINT = 25.4 / 72  # millimetres
LEAST = 7.0  # points of text
EXPRESSIONS = {"expr", "labelExpr", "filter", "test", "calculate", "signal"}


def text_sizes(svg):
    """Points of every text that is shown."""
    root = ElementTree.fromstring(svg)
    scale = float(root.get("width").removesuffix("pt")) / float(root.get("viewBox").split()[2])
    return [scale * float(text.get("font-size").removesuffix("px")) for text in root.iter(f"{SVG}text") if text.text]


@pytest.mark.parametrize("kind", KINDS)
def test_text_is_large_enough_and_the_figure_no_wider_than_the_column(evidence, kind, capfd):
    for width in PAPER if kind in ("sound", "60") else ["single"]:
        found = drawn(Sheet(evidence(kind), PAPER[width], log=False))
        assert found
        for drawing in found:
            svg = rendered(drawing.specification, "svg")
            wide = float(ElementTree.fromstring(svg).get("width").removesuffix("pt")) * POINT
            assert 0.9 * MILLIMETRES[width] < wide <= MILLIMETRES[width], drawing.title
            assert min(text_sizes(svg)) >= LEAST, drawing.title
    assert "WARN" not in capfd.readouterr().err.upper()


def test_every_figure_is_written_in_every_format(evidence, capfd):
    for drawing in drawn(Sheet(evidence("strange labels"), PAPER["single"])):
        svg, pdf, png = (rendered(drawing.specification, format) for format in FORMATS)
        ElementTree.fromstring(svg)
        assert pdf.startswith(b"%PDF-") and png.startswith(b"\x89PNG\r\n")
    assert "WARN" not in capfd.readouterr().err.upper()


@pytest.mark.parametrize(
    ("kind", "style", "log"),
    [
        ("sound", PAGE, True),
        ("sound", PAPER["single"], False),
        ("strange labels", PAGE, False),
        ("one seed", PAPER["single"], True),
        ("diverged", PAGE, True),
        ("at the start", PAPER["single"], True),
        ("all censored", PAGE, False),
        ("not all begun", PAGE, True),
    ],
)
def test_specifications_are_vega_lite(evidence, kind, style, log):
    """Checked here against its schema, and so not whenever something is drawn."""
    for drawing in drawn(Sheet(evidence(kind), style, log)):
        alt.LayerChart.validate({**drawing.specification, "datasets": {}})
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
    assert not any(label in each for label in curve_folders.STRANGE for each in said("60"))


def test_strange_labels_are_shown_as_they_are(evidence):
    svg = rendered(one(Sheet(evidence("strange labels"), PAPER["double"]), "forest"), "svg")
    assert set(map(cut, curve_folders.STRANGE)) <= set(shown_text(svg)) and b"<script" not in svg


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


def test_the_command_starts_without_altair():
    code = "import sys, grokbench.commands.figures; assert not {'altair', 'vl_convert'} & set(sys.modules)"
    subprocess.run([sys.executable, "-P", "-c", code], check=True)
