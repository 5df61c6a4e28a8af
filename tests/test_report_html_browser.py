"""The page in a browser: what a reader does with mouse and keyboard. The system's Chromium, without a network."""

import json
import re
import shutil

import pytest

from grokbench.report.charts.style import GREY
from grokbench.text.escape import printable

from .helpers.documentation_pages import ROOT
from .helpers.report_folders import FOLDERS, HOSTILE
from .helpers.tiny import grokbench

playwright = pytest.importorskip("playwright.sync_api", reason="needs the Python package playwright (extra `test`)")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="needs chromium, chromium-browser or google-chrome on the PATH"
)

DRAWN = "body[data-drawn]"
LEGIBLE = 4.5  # the contrast that WCAG asks of text
CONTRAST = """(selector) => {
  const channel = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const parsed = (text) => {
    const n = text.match(/[\\d.]+(e-?\\d+)?/g).map(Number);
    return text.startsWith("color(srgb") ? n : [n[0] / 255, n[1] / 255, n[2] / 255, n[3]];
  };
  const luminance = (rgb) => [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => sum + weight * channel(rgb[i]), 0);
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const rgb = parsed(getComputedStyle(e).backgroundColor);
      if (rgb[3] === undefined || rgb[3] > 0) return rgb;
    }
  };
  const seen = [...document.querySelectorAll(selector)].filter((e) => e.checkVisibility() && e.textContent.trim());
  return seen.map((e) => {
    const style = getComputedStyle(e);
    const text = parsed(e instanceof SVGElement ? style.fill : style.color);
    const [a, b] = [luminance(text), luminance(ground(e))].sort((x, y) => y - x);
    return [(a + 0.05) / (b + 0.05), e.textContent.trim().slice(0, 40)];
  });
}"""


@pytest.fixture(scope="module")
def tab():
    """One page, into which each test loads its reports; their addresses; what it asked for besides or complained of."""
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page, urls, seen = browser.new_page(), [], []
        page.on("console", lambda message: seen.append(message.text))
        page.on("pageerror", lambda error: seen.append(str(error)))
        page.on("request", lambda request: request.url in urls or seen.append(request.url))
        page.on("dialog", lambda dialog: (seen.append(dialog.message), dialog.dismiss()))
        yield page, urls, seen
        browser.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Where each report lies."""
    root = tmp_path_factory.mktemp("reports")
    makers = {"paper": paper, "two tasks": two_tasks} | FOLDERS
    made = {}

    def file(name):
        if name not in made:
            folder = makers[name](root / name)
            assert grokbench("report", folder).status == 0
            made[name] = folder / "report.html"
        return made[name]

    return file


def paper(folder):
    return shutil.copytree(ROOT / "results" / "paper", folder)


def two_tasks(folder):
    """The committed results of the first two tasks, which are drawn in less than half the time."""
    data = json.loads((paper(folder) / "manifest.json").read_text(encoding="utf-8"))
    cells = data["manifest"]["cells"]
    data["manifest"]["cells"] = [cell for cell in cells if cell["task"] in ("xor", "sparse_parity")]
    (folder / "manifest.json").write_text(json.dumps(data), encoding="utf-8")
    return folder


@pytest.fixture
def open_(tab, files):
    """Load a report; at the end of the test nothing was asked for, and nothing was complained of."""
    page, urls, seen = tab
    urls.clear()
    seen.clear()

    def opened(name, width=1280, height=900, scheme="light"):
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme, media="screen")
        urls.append(files(name).as_uri())
        page.goto(urls[-1], timeout=120_000)  # milliseconds; a busy machine draws large reports slowly
        page.wait_for_selector(DRAWN, timeout=60_000)
        return page

    yield opened
    assert seen == []


def lines(page, figure="survival"):
    """The colours of the lines that a kind of chart shows, for each of its charts."""
    found = "charts => charts.map(c => [...c.querySelectorAll('.mark-line path')].map(p => p.getAttribute('stroke')))"
    return page.locator(f"figure.{figure} .chart svg").evaluate_all(found)


def column(page, header):
    """The texts of a column of the first table."""
    place = [text.strip() for text in page.locator("table.board").first.locator("thead th").all_inner_texts()].index(
        header
    )
    return page.locator("table.board").first.locator(f"tbody tr > :nth-child({place + 1})").all_inner_texts()


def heading(page, header):
    return page.locator("table.board").first.get_by_role("columnheader", name=header, exact=True)


def settled(page):
    page.wait_for_selector(DRAWN)


# ---- the committed results


def test_every_chart_is_drawn_and_says_what_it_shows(open_):
    page = open_("paper")
    drawn = page.locator("figure svg.marks")
    assert drawn.count() == 23 and page.locator("#vg-tooltip-element").count() == 0
    said = drawn.evaluate_all(
        "all => all.map(svg => svg.closest('[role=graphics-document]').getAttribute('aria-label'))"
    )
    assert all(text and len(text) > 40 for text in said) and len(set(said)) == len(said)
    assert "Kaplan-Meier" in " ".join(said) and "grokalign" in said[0]
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_columns_are_sorted_by_mouse_and_keyboard(open_):
    page = open_("two tasks")
    heading(page, "mean").get_by_role("button").click()
    assert heading(page, "mean").get_attribute("aria-sort") == "ascending"
    assert column(page, "mean") == ["109", "127", "150", "150", "-"]
    heading(page, "mean").get_by_role("button").press("Enter")
    assert heading(page, "mean").get_attribute("aria-sort") == "descending"
    assert column(page, "mean") == ["150", "150", "127", "109", "-"]
    heading(page, "Holm p").get_by_role("button").press("Space")
    assert column(page, "Holm p") == ["1.1e-06", "0.00015", "0.00023", "-", "-"]
    assert page.locator("[aria-sort]").count() == 1
    heading(page, "method").get_by_role("button").click()
    assert column(page, "method") == ["baseline", "grokfast", "orthograd", "grokalign", "placebo"]


def test_a_point_says_what_it_is(open_):
    page = open_("two tasks")
    point = page.locator("figure.forest .chart svg").first.locator(".mark-symbol path").last
    point.scroll_into_view_if_needed()
    page.mouse.move(*_middle(point))
    tip = page.locator("#vg-tooltip-element.visible")
    tip.wait_for()
    assert re.search(r"method\s+grokalign", tip.inner_text()) and "1.38x [1.34, 1.42]" in tip.inner_text()


def _middle(locator):
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_methods_axes_and_seeds_are_chosen(open_):
    page = open_("two tasks")
    grokalign = page.get_by_label("grokalign", exact=True)
    colour = page.locator("label", has_text="grokalign").locator("line").get_attribute("stroke")
    assert all(colour in chart for figure in ("survival", "accuracy") for chart in lines(page, figure))

    grokalign.uncheck()
    settled(page)
    assert not any(colour in chart for figure in ("survival", "accuracy") for chart in lines(page, figure))
    assert all(chart for chart in lines(page))
    off = page.locator("tr.off")
    assert (
        set(off.evaluate_all("rows => rows.map(row => row.dataset.method)")) == {"grokalign"} and off.count() == 8
    )  # of the glance, two tasks, their matrices, the mean over tasks and the published numbers

    ticks = page.locator("figure.accuracy .chart svg").last.locator(".role-axis-label text")
    logarithmic = ticks.all_text_contents()
    page.get_by_label("logarithmic epochs").uncheck()
    settled(page)
    assert ticks.all_text_contents() != logarithmic and "2k" in ticks.all_text_contents()
    assert not any(colour in chart for chart in lines(page, "accuracy"))
    page.get_by_label("logarithmic epochs").check()
    settled(page)
    assert ticks.all_text_contents() == logarithmic and not any(colour in chart for chart in lines(page, "accuracy"))

    few = [len(chart) for chart in lines(page, "accuracy")]
    page.get_by_label("single seeds").check()
    settled(page)
    assert all(more > 20 + some for more, some in zip(map(len, lines(page, "accuracy")), few, strict=True))
    page.get_by_label("single seeds").uncheck()

    page.get_by_role("button", name="none", exact=True).click()
    settled(page)
    assert not any(lines(page)) and page.locator("tr.off").count() == page.locator("tbody tr[data-method]").count()
    page.get_by_role("button", name="all", exact=True).click()
    settled(page)
    assert (
        all(colour in chart for chart in lines(page)) and page.locator("tr.off").count() == 0 and grokalign.is_checked()
    )


def test_a_chosen_metric_is_drawn(open_):
    page = open_("two tasks")
    part = page.locator("details", has_text="Every other metric").first
    page.get_by_label("orthograd", exact=True).uncheck()
    assert part.locator(".chart svg").count() == 0
    part.locator("summary").click()
    part.locator(".chart svg").first.wait_for()
    settled(page)
    drawn = part.locator(".chart svg")
    assert drawn.count() == part.locator(".chart").count() == 3
    assert all(drawn.evaluate_all("all => all.map(svg => svg.getBoundingClientRect().width > 300)"))
    colour = page.locator("label", has_text="orthograd").locator("line").get_attribute("stroke")
    assert not any(colour in chart for chart in lines(page, "metrics")) and all(lines(page, "metrics"))


# ---- awkward folders


@pytest.mark.parametrize("name", ["two tasks", "many", "hostile"])
def test_nothing_but_tables_and_wide_charts_scrolls_sideways_on_a_phone(open_, name):
    page = open_(name, 390, 844)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    wide = """() => [...document.querySelectorAll("body *")].filter(e => e.scrollWidth > e.clientWidth + 1
      && getComputedStyle(e).overflowX !== "visible" && e.tagName !== "svg").map(e => e.className)"""
    assert {each.split()[0] for each in page.evaluate(wide)} <= {"scroll", "forest", "published"}


@pytest.mark.parametrize(("name", "schemes"), [("awkward", ("light", "dark")), ("failed", ("dark", "light"))])
def test_text_is_legible(open_, name, schemes):
    page = open_(name, scheme=schemes[0])
    for part in page.locator("main > section > details").all():
        part.evaluate("part => (part.open = true)")
    settled(page)
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        found = page.evaluate(
            CONTRAST, "h1, h2, h3, p, a, li, th, td, legend, label span, button, figcaption, summary, pre, dt, dd"
        )
        charts = page.evaluate(CONTRAST, "figure:not(.multiple) svg text")
        assert len(found) > 100 and len(charts) > 50
        assert [(scheme, text, ratio) for ratio, text in found + charts if ratio < LEGIBLE] == []


def test_the_dark_scheme_has_other_colours_and_print_has_none_of_it(open_):
    page = open_("several")
    line = page.locator("figure.survival .chart svg .mark-line path").first
    look = "() => [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    stroke = "path => getComputedStyle(path).stroke"
    light = page.evaluate(look), line.evaluate(stroke)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(look), line.evaluate(stroke)
    assert all(a != b for a, b in zip(light[0] + [light[1]], dark[0] + [dark[1]], strict=True))
    page.emulate_media(color_scheme="dark", media="print")
    assert (page.evaluate(look), line.evaluate(stroke)) == light


def test_paper_shows_the_methods_but_nothing_to_click(open_):
    page = open_("several")
    page.get_by_label("slower", exact=True).uncheck()
    settled(page)
    page.emulate_media(media="print")
    hidden = page.locator("#controls input, #controls button, nav, .skip, details:not([open])")
    assert hidden.count() > 5 and not any(each.is_visible() for each in hidden.all())
    labels = page.locator("#methods label")
    assert [each.inner_text().strip() for each in labels.all() if each.is_visible()] == ["baseline", "faster"]
    assert page.locator("table").first.is_visible() and page.pdf(format="A4").startswith(b"%PDF")


def test_everything_is_reached_with_the_tab_key(open_):
    page = open_("failed")
    everything = page.locator("a, input, button, summary, .scroll")
    reached = set()
    names = (
        """() => [...document.querySelectorAll("a, input, button, summary, .scroll")].indexOf(document.activeElement)"""
    )
    shown = [i for i, each in enumerate(everything.all()) if each.is_visible()]
    for _ in range(len(shown) + 5):
        page.keyboard.press("Tab")
        reached.add(page.evaluate(names))
    assert set(shown) <= reached and page.evaluate("document.querySelector('.skip').getAttribute('href')") == "#main"
    box = page.get_by_label("faster", exact=True)
    box.focus()
    page.keyboard.press("Space")
    settled(page)
    assert not box.is_checked() and page.locator("tr.off").count() == 3  # in the glance, the leaderboard and the matrix


def test_markup_in_labels_is_shown_as_text(open_):
    page = open_("hostile")
    plain = printable(HOSTILE)
    assert " ".join(page.locator("h1").inner_text().split()) == plain and page.locator("script").count() == 3
    page.locator("label", has_text="alert").locator("input").uncheck()
    settled(page)
    assert page.locator("tr.off").count() == 2 and all(len(chart) == 1 for chart in lines(page))
    point = page.locator("figure.survival .chart svg .mark-symbol path").last
    point.scroll_into_view_if_needed()
    page.locator("#all").click()
    settled(page)
    point = page.locator("figure.accuracy .chart svg").first.locator(".mark-symbol path").last
    page.mouse.move(*_middle(point))
    tip = page.locator("#vg-tooltip-element.visible")
    tip.wait_for()
    assert tip.locator("script").count() == 0


def test_nothing_of_a_hostile_folder_runs_or_asks_for_anything(open_):
    """`open_` notices requests, dialogs and messages; here every control is used and every kind of mark is hovered."""
    page = open_("hostile")
    for control in page.locator("summary, #controls input, #controls button, thead button").all():
        if control.is_visible():
            control.click()
    settled(page)
    page.locator("#all").click()
    settled(page)
    for figure in page.locator("figure:visible").all():
        figure.scroll_into_view_if_needed()
        for mark in figure.locator("svg .mark-symbol path, svg .mark-rect path, svg .role-axis-label text").all()[-3:]:
            page.mouse.move(*_middle(mark))
    assert "onerror" in page.locator("body").inner_text() and page.locator("img, iframe, object, embed").count() == 0
    assert page.evaluate("typeof ran") == "undefined"


def test_of_many_methods_the_chosen_ones_are_in_colour_over_the_others_in_grey(open_):
    page = open_("many")
    assert page.locator("#controls").bounding_box()["height"] < 140
    coloured = [sum(colour != GREY for colour in chart) for chart in lines(page)]
    assert coloured == [8, 8] and [len(chart) for chart in lines(page)] == [20, 20]
    key = page.locator("figure.survival .key").first.locator("span")
    assert key.count() == 8 and key.first.inner_text() == "baseline"

    page.locator("#choose summary").click()
    page.get_by_role("button", name="none", exact=True).click()
    page.get_by_label("grokalign[strength=1.8]", exact=True).check()
    settled(page)
    assert [sum(colour != GREY for colour in chart) for chart in lines(page)] == [1, 1]
    assert key.all_inner_texts() == ["grokalign[strength=1.8]"]
    page.get_by_label("other methods in grey").uncheck()
    settled(page)
    assert [len(chart) for chart in lines(page)] == [1, 1]
    page.get_by_role("button", name="leaders").click()
    settled(page)
    assert [len(chart) for chart in lines(page)] == [8, 8]


def test_on_a_phone_the_speed_up_is_seen_and_the_rest_is_a_scroll_away(open_):
    page = open_("many", 390, 844)
    board = page.locator(".scroll", has=page.locator("table.board")).first
    box = heading(page, "speed-up [95%]").bounding_box()
    assert box["x"] + box["width"] <= 390 and "more" in board.get_attribute("class")
    name = board.locator("tbody th").first
    at = name.bounding_box()["x"]
    board.evaluate("part => (part.scrollLeft = part.scrollWidth)")
    page.wait_for_function("part => !part.classList.contains('more')", arg=board.element_handle())
    assert name.bounding_box()["x"] == pytest.approx(at, abs=1)


@pytest.mark.parametrize("name", sorted(FOLDERS.keys() - {"many", "hostile", "awkward", "failed", "several"}))
def test_every_other_folder_is_drawn(open_, name):
    page = open_(name, 600, 500)
    assert page.locator("table").count() >= 1
    charts = page.locator(".chart:visible")
    assert charts.count() == page.locator("svg.marks").count()
    assert (charts.count() == 0) == (name == "nothing")
