"""Charts as png, svg and pdf files. They look the same on every machine, because the font is included."""

import base64
import functools
import hashlib
import re
from collections.abc import Callable
from typing import Any

import vl_convert

from grokbench.report.charts import Drawing
from grokbench.report.charts.style import FONT, FONTS
from grokbench.text.escape import printable_data

__all__ = ["FORMATS", "file_name", "rendered"]

PIXELS = 400 / 72  # pixels of a png per point: 400 per inch


def rendered(specification: dict[str, Any], format: str) -> bytes:
    """Render a chart and return the content of its file; the network is not used.

    The included font has Latin and Greek letters and mathematical symbols. Labels in other writing systems use a font
    that is installed on the machine.

    Args:
        specification: the Vega-Lite specification, with its data.
        format: a key of FORMATS.
    """
    _register()
    return FORMATS[format](printable_data(specification))


def file_name(drawing: Drawing) -> str:
    """Return the name of a drawing's file, without its extension."""
    return "-".join(_safe(part) for part in (drawing.figure, drawing.task, drawing.metric) if part)


def _safe(label: str) -> str:
    """Replace the characters that file names should not contain; if there were any, add a hash of the label.

    These are the characters that file systems forbid; `-`, which joins labels; and capital letters, which some file
    systems do not distinguish from small ones.
    """
    safe = re.sub(r"^[.]|[^a-z0-9_=.,]+", "_", label.lower())[:60]
    return safe if safe == label else f"{safe}-{hashlib.sha256(label.encode(errors='surrogatepass')).hexdigest()[:8]}"


@functools.cache
def _register() -> None:
    vl_convert.register_font_directory(str(FONTS))


def _png(specification: dict[str, Any]) -> bytes:
    return vl_convert.vegalite_to_png(specification, scale=PIXELS, allowed_base_urls=[])


def _pdf(specification: dict[str, Any]) -> bytes:
    return vl_convert.vegalite_to_pdf(specification, allowed_base_urls=[])


def _svg(specification: dict[str, Any]) -> bytes:
    """Render to svg with an embedded font and, as in a pdf, the size in points; a pixel of an svg is 3/4 of a point."""
    drawn = vl_convert.vegalite_to_svg(specification, allowed_base_urls=[])
    sized = re.sub(
        r'(<svg [^<>]*?)width="([0-9.]+)" height="([0-9.]+)"', r'\1width="\2pt" height="\3pt"', drawn, count=1
    )
    return re.sub(r"(<svg [^<>]*>)", lambda opened: opened[0] + _font_face(), sized, count=1).encode()


@functools.cache
def _font_face() -> str:
    content = base64.b64encode((FONTS / f"{FONT}.ttf").read_bytes()).decode()
    source = f"src:url(data:font/ttf;base64,{content}) format('truetype')"
    return f"<style>@font-face{{font-family:{FONT};{source}}}</style>"


FORMATS: dict[str, Callable[[dict[str, Any]], bytes]] = {"svg": _svg, "pdf": _pdf, "png": _png}
