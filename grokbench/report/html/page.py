"""The page of a report as one HTML file. Labels, notes and recipes contain users' text, so all text is escaped."""

import base64
import functools
import hashlib
import json
import shlex
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Any

import jinja2
import vl_convert

from grokbench import __version__
from grokbench.judging.best import rule
from grokbench.judging.evidence import Evidence
from grokbench.judging.ordering import LARGE
from grokbench.records import Cell, Manifest, Outcome
from grokbench.report.charts import Sheet
from grokbench.report.charts.style import COLOURS, DARK, GREY, MARKERS, colours, dashes, markers
from grokbench.report.html.charts import charts, embedded
from grokbench.report.html.fastest import fastest
from grokbench.report.html.glance import glance
from grokbench.report.html.multiples import HEIGHT, WIDTH, multiples
from grokbench.report.html.tables import boards, means, published
from grokbench.report.text.over_tasks import over_tasks_legend
from grokbench.report.text.prose import begun, environment_line, environment_value, legend, warnings
from grokbench.report.text.said_once import notes_of_methods
from grokbench.seeds import format_seeds
from grokbench.text.escape import printable_lines
from grokbench.text.private import without_place, without_private

__all__ = ["document"]

VEGA = "window.vegaEmbed = vegaEmbed;"  # the name by which the page's script calls the library
MACHINE = ("device", "device_name", "machine", "precision")  # keys of provenance at the top of the page


def document(evidence: Evidence) -> str:
    """Write the HTML of a report. The page loads nothing from elsewhere, and can be opened from disk."""
    sheet = Sheet(evidence)
    drawn, environment = charts(sheet), evidence.leaderboard.environment
    scripts = {"vega": _vega(), "script": _script(_file("report.js"))}
    return _template().render(
        evidence=evidence,
        version=__version__,
        charts=drawn,
        boards=boards(evidence),
        fastest=fastest(evidence),
        glance=glance(evidence),
        multiples={task: multiples(evidence, task) for task in begun(evidence.leaderboard)[0]},
        picture=(WIDTH, HEIGHT),
        grey=GREY,
        large=len(evidence.methods) > LARGE,
        of_methods=notes_of_methods(evidence.leaderboard),
        means=means(evidence),
        over_tasks=over_tasks_legend(evidence.leaderboard),
        criteria={cell.task: _criterion(cell) for cell in evidence.manifest.cells},
        published=published(evidence),
        methods=list(_methods(evidence, sheet.selected)),
        counts=_counts(evidence),
        warnings=[*warnings(evidence.leaderboard), *evidence.complaints],
        waiting=begun(evidence.leaderboard)[1],
        bold=rule(evidence.manifest.baseline, evidence.manifest.statistics),
        legend=legend(evidence.leaderboard),
        machine=environment_line({key: environment.get(key) for key in MACHINE}),
        environment={key: environment_value(value) for key, value in environment.items() if value is not None},
        seeds=format_seeds(evidence.manifest.seeds),
        commands=_commands(evidence.manifest, shlex.quote(without_place(evidence.folder))),
        settings=_settings(evidence.manifest),
        failures=list(_failures(evidence)),
        data=embedded(drawn.script()),
        style=_file("report.css") + _shades(),
        sources=" ".join(map(_hash, scripts.values())),
        **scripts,
    )


def _criterion(cell: Cell) -> dict[str, Any]:
    """Return the criterion of a task in words, and the metrics in it."""
    return {"text": cell.criterion or "not recorded", "metrics": list(cell.recipe.grokked)}


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        trim_blocks=True, lstrip_blocks=True, autoescape=True, undefined=jinja2.StrictUndefined, finalize=_visible
    )
    environment.filters["zip"] = zip
    return environment.from_string(_file("report.html"))


def _visible(value: Any) -> Any:
    """Escape invisible characters in text; leave markup, whose texts are escaped already, unchanged."""
    return printable_lines(value) if type(value) is str else value


def _file(name: str) -> str:
    return (files("grokbench.report.html") / name).read_text(encoding="utf-8")


@functools.cache
def _vega() -> str:
    """Bundle the library that draws the charts."""
    return _script(vl_convert.javascript_bundle(VEGA))


def _script(code: str) -> str:
    """Escape code for a `script` element."""
    return code.replace("\r\n", "\n").replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _hash(code: str) -> str:
    """Hash a script for the page's content security policy, which allows no other script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}'"


def _shades() -> str:
    """Write the CSS that lightens the methods' colours on a dark background and keeps text in these colours legible."""
    rules = [f'svg [{part}="{GREY}"] {{ {part}: var(--grey); }}' for part in ("fill", "stroke")]
    for i, (light, dark) in enumerate(zip(COLOURS, DARK, strict=True)):
        rules.append(f":root {{ --shade-{i}: {light}; }}")
        rules.append(f"@media screen and (prefers-color-scheme: dark) {{ :root {{ --shade-{i}: {dark}; }} }}")
        rules += [f'svg [{part}="{light}"] {{ {part}: var(--shade-{i}); }}' for part in ("fill", "stroke")]
        rules.append(f'svg text[fill="{light}"] {{ fill: color-mix(in srgb, var(--shade-{i}) 60%, var(--ink)); }}')
    return "\n".join(rules)


def _methods(evidence: Evidence, selected: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the label and the look of each method, for its check box, and whether it is in colour at first."""
    labels = evidence.methods
    for label, colour, dash, marker in zip(labels, colours(labels), dashes(labels), markers(labels), strict=True):
        pattern = " ".join(map(str, dash)) if dash[1] else "none"
        look = {"colour": colour, "dash": pattern, "marker": MARKERS[marker] if len(labels) > LARGE else ""}
        yield {"label": label, "shown": label in selected, **look}


def _counts(evidence: Evidence) -> str:
    """Count the replicas by outcome, in a sentence."""
    cells = [each.measured for each in evidence.comparisons.cells]
    planned = len(cells) * len(evidence.manifest.seeds)
    counts = {outcome.value: sum(cell.count(outcome) for cell in cells) for outcome in Outcome}
    counts["not run yet"] = planned - sum(counts.values())
    return f"{planned} replicas planned: {', '.join(f'{n} {name}' for name, n in counts.items() if n) or 'none'}."


def _commands(manifest: Manifest, folder: str) -> list[str]:
    """List the commands that show the folder, and the command that trains its missing replicas."""
    made = {name: manifest.execution.get(name) for name in ("device", "precision")}
    options = [f"--{name} {shlex.quote(str(value))}" for name, value in made.items() if value is not None]
    seeds = format_seeds(manifest.seeds)
    run = ["grokbench run", shlex.quote(manifest.suite), "--out", folder, "--seeds", seeds, *options]
    return [f"grokbench leaderboard {folder}", f"grokbench report {folder}", " ".join(run)]


def _settings(manifest: Manifest) -> dict[str, list[tuple[str, str]]]:
    """Map each task to its methods and their recipes, all parameters resolved."""
    tasks: dict[str, list[tuple[str, str]]] = {cell.task: [] for cell in manifest.cells}
    for cell in manifest.cells:
        tasks[cell.task].append((cell.regularizer, _recipe(cell)))
    return tasks


def _recipe(cell: Cell) -> str:
    return json.dumps({"budget": cell.budget, **cell.recipe.data()}, indent=2, ensure_ascii=False, default=str)


def _failures(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Yield each failed replica with its traceback."""
    for each in evidence.comparisons.cells:
        cell = each.measured.cell
        for run in each.measured.runs:
            if run is not None and run.outcome is Outcome.FAILED:
                yield f"{cell.name}, seed {run.seed}", without_private(run.error or "no traceback")
