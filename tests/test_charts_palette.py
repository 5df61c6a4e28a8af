"""The colours of methods stay apart for everybody, on paper and on the dark page."""

import itertools
import re
from importlib.resources import files

import numpy as np
import pytest

from grokbench.report.charts.style import (
    COLOURS,
    DARK,
    DASHES,
    GREY,
    MOST_COLOURS,
    PAPER,
    colours,
    dashes,
    markers,
    text_width,
)
from grokbench.report.charts.summary import FASTER, NEITHER, SLOWER

# Machado, Oliveira and Fernandes (2009), severity 1, of linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]])
STYLE = (files("grokbench.report.html") / "report.css").read_text(encoding="utf-8")
CLOSEST, FAINTEST = 28.0, 2.4  # as `figures/style.py` says


def linear(colour):
    value = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    ratio = XYZ @ np.clip(rgb, 0, 1) / (XYZ @ np.ones(3))
    x, y, z = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one, other):
    dark, light = sorted(float(XYZ[1] @ linear(each)) for each in (one, other))
    return (light + 0.05) / (dark + 0.05)


def test_the_instruments_by_hand():
    assert lab(linear("#ffffff")) == pytest.approx([100, 0, 0], abs=0.01)
    assert lab(linear("#ff0000")) == pytest.approx([53.24, 80.09, 67.20], abs=0.05)
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert np.sum(list(SIGHT.values()), axis=2) == pytest.approx(1, abs=1e-5)  # grey stays grey


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("palette", [COLOURS, DARK], ids=["light", "dark"])
def test_every_two_colours_stay_apart(palette, sight):
    seen = [lab(np.asarray(SIGHT[sight]) @ linear(colour)) for colour in palette]
    assert min(np.linalg.norm(one - other) for one, other in itertools.combinations(seen, 2)) >= CLOSEST


def test_every_colour_stands_out_from_its_ground():
    dark = re.search(r"color-scheme: dark\) *{\s*:root *{[^}]*--ground: (#[0-9a-f]{6})", STYLE)[1]
    for palette, ground in ((COLOURS, "#ffffff"), (DARK, dark)):
        assert min(contrast(colour, ground) for colour in palette) >= FAINTEST


def test_numbers_on_a_coloured_ground_are_read():
    for ground in (SLOWER, NEITHER, FASTER, "#f4f4f4"):
        assert contrast("#111111", ground) >= 4.5
    for sight in SIGHT.values():
        seen = [lab(np.asarray(sight) @ linear(colour)) for colour in (SLOWER, NEITHER, FASTER)]
        assert min(np.linalg.norm(one - other) for one, other in itertools.combinations(seen, 2)) >= CLOSEST


def test_a_method_keeps_its_colour_whatever_stands_after_it():
    labels = [f"m{i}" for i in range(60)]
    for count in (1, 5, MOST_COLOURS, 60):
        assert colours(labels[:count]) == colours(labels)[:count] and dashes(labels[:count]) == dashes(labels)[:count]
    assert colours(labels[:MOST_COLOURS]) == list(COLOURS) and dashes(labels[:MOST_COLOURS]) == list(DASHES)
    assert len(COLOURS) == len(DARK) == len(DASHES) and COLOURS[0] not in colours(labels)[1:]
    assert MOST_COLOURS == len(COLOURS) and GREY not in COLOURS


def test_no_look_repeats():
    labels = [f"m{i}" for i in range(197)]
    looks = list(zip(colours(labels), map(tuple, dashes(labels)), markers(labels), strict=True))
    assert len(set(looks)) == 197 and len({look[:2] for look in looks[:30]}) == 30


@pytest.mark.parametrize("width", PAPER)
def test_a_legend_has_as_many_columns_as_fit(width):
    style = PAPER[width]
    assert style.columns(["a", "b"])["columns"] == 2
    assert style.columns(["a" * 200] * 8)["columns"] == 1
    for letters in (4, 10, 20):
        found = style.columns(["w" * letters] * 8)["columns"]
        assert 1 <= found <= 8 and found * text_width("w" * letters, style.text) < style.width
    assert text_width("中", 10) > text_width("x", 10)
