"""The page itself: evidence in, one HTML file out. Labels, notes and recipes are text of others: all is escaped."""

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import jinja2
import vl_convert

from grokbench import __version__
from grokbench.best import rule
from grokbench.evidence import Evidence
from grokbench.figures import Sheet
from grokbench.figures.style import COLOURS, DARK, colours, dashes
from grokbench.page.charts import charts, embedded
from grokbench.page.tables import published, tables
from grokbench.prose import begun, environment_line, legend, warnings
from grokbench.records import Outcome

__all__ = ["document"]

VEGA = "window.vegaEmbed = vegaEmbed;"  # what the script of the page calls


def document(evidence: Evidence) -> str:
    """The HTML of a report; it asks for nothing from anywhere, and opens from disk."""
    drawn = charts(Sheet(evidence))
    return _template().render(
        evidence=evidence,
        version=__version__,
        charts=drawn,
        tables=tables(evidence),
        published=published(evidence),
        methods=list(_methods(evidence)),
        counts=_counts(evidence),
        warnings=[*warnings(evidence.leaderboard), *evidence.complaints],
        waiting=begun(evidence.leaderboard)[1],
        bold=rule(evidence.manifest.baseline, evidence.manifest.statistics),
        legend=legend(evidence.leaderboard),
        environment=environment_line(evidence.leaderboard.environment),
        settings=list(_settings(evidence)),
        failures=list(_failures(evidence)),
        data=embedded({**drawn.script(), "dark": dict(zip(COLOURS, DARK, strict=True))}),
        vega=_script(vl_convert.javascript_bundle(VEGA)),
        script=_file("report.js"),
        style=_file("report.css"),
    )


def _template() -> jinja2.Template:
    strict = {"autoescape": True, "undefined": jinja2.StrictUndefined}
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, **strict)
    return environment.from_string(_file("report.html"))


def _file(name: str) -> str:
    return (files("grokbench.page") / name).read_text(encoding="utf-8")


def _script(code: str) -> str:
    """Code that can stand in a `script` element."""
    return code.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _methods(evidence: Evidence) -> Iterator[dict[str, Any]]:
    """The check boxes: label, colour and line."""
    labels = evidence.methods
    for label, colour, dash in zip(labels, colours(labels), dashes(labels), strict=True):
        dark = DARK[COLOURS.index(colour)]
        yield {"label": label, "colour": colour, "dark": dark, "dash": " ".join(map(str, dash)) if dash[1] else ""}


def _counts(evidence: Evidence) -> str:
    """How many replicas there are, by outcome."""
    cells = [each.measured for each in evidence.comparisons.cells]
    planned = len(cells) * len(evidence.manifest.seeds)
    counts = {outcome.value: sum(cell.count(outcome) for cell in cells) for outcome in Outcome}
    counts["missing"] = planned - sum(counts.values())
    return f"{planned} replicas planned: {', '.join(f'{n} {name}' for name, n in counts.items() if n) or 'none'}."


def _settings(evidence: Evidence) -> Iterator[dict[str, str]]:
    """Every cell's recipe, all parameters resolved."""
    for cell in evidence.manifest.cells:
        text = json.dumps({"budget": cell.budget, **cell.recipe}, indent=2, ensure_ascii=False, default=str)
        yield {"title": f"{cell.task} / {cell.regularizer}", "text": text}


def _failures(evidence: Evidence) -> Iterator[dict[str, str]]:
    """The tracebacks of failed replicas."""
    for each in evidence.comparisons.cells:
        cell = each.measured.cell
        for run in each.measured.runs:
            if run is not None and run.outcome is Outcome.FAILED:
                title = f"{cell.task} / {cell.regularizer}, seed {run.seed}"
                yield {"title": title, "text": run.error or "no traceback"}
