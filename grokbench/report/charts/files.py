"""Charts as files: png, svg and pdf that look the same on every machine, since they bring their font."""

import base64
import functools
import hashlib
import re
from collections.abc import Callable
from typing import Any

import vl_convert

from grokbench.report.charts import Drawing
from grokbench.report.charts.style import FONT, FONTS

__all__ = ["FORMATS", "file_name", "rendered"]

PIXELS = 400 / 72  # of a png to the point: 400 to the inch


def rendered(specification: dict[str, Any], format: str) -> bytes:
    """A chart as one of FORMATS; nothing is looked up anywhere else.

    Labels in scripts that the font lacks (it has Latin, Greek and mathematics) take a font of the machine.
    """
    _register()
    return FORMATS[format](specification)


def file_name(drawing: Drawing) -> str:
    """What a drawing's file is called, without an ending: a label that no file can bear is told by its hash."""
    return "-".join(_safe(part) for part in (drawing.figure, drawing.task, drawing.metric) if part)


def _safe(label: str) -> str:
    """Without - , which joins labels, and without capitals: some file systems take them for small letters."""
    safe = re.sub(r"^[.]|[^a-z0-9_=.,]+", "_", label.lower())[:60]
    return safe if safe == label else f"{safe}-{hashlib.sha256(label.encode()).hexdigest()[:8]}"


@functools.cache
def _register() -> None:
    vl_convert.register_font_directory(str(FONTS))


def _png(specification: dict[str, Any]) -> bytes:
    return vl_convert.vegalite_to_png(specification, scale=PIXELS, allowed_base_urls=[])


def _pdf(specification: dict[str, Any]) -> bytes:
    return vl_convert.vegalite_to_pdf(specification, allowed_base_urls=[])


def _svg(specification: dict[str, Any]) -> bytes:
    """With the font inside, and its size in points as that of the pdf: a pixel of an svg is 3/4 of one."""
    drawn = vl_convert.vegalite_to_svg(specification, allowed_base_urls=[])
    sized = re.sub(
        r'(<svg [^>]*?)width="([0-9.]+)" height="([0-9.]+)"', r'\1width="\2pt" height="\3pt"', drawn, count=1
    )
    return re.sub(r"(<svg [^>]*>)", lambda opened: opened[0] + _font_face(), sized, count=1).encode()


@functools.cache
def _font_face() -> str:
    content = base64.b64encode((FONTS / f"{FONT}.ttf").read_bytes()).decode()
    source = f"src:url(data:font/ttf;base64,{content}) format('truetype')"
    return f"<style>@font-face{{font-family:{FONT};{source}}}</style>"


FORMATS: dict[str, Callable[[dict[str, Any]], bytes]] = {"svg": _svg, "pdf": _pdf, "png": _png}
