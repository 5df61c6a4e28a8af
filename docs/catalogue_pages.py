"""Pages of the reference that the program writes: shipped plugins as `grokbench show` has them, suites, exports."""

from pathlib import Path

from grokbench.commands.listing import entry
from grokbench.plugins import load_registry
from grokbench.report.export.readme import reference_page
from grokbench.suite_files import shipped_suites

KINDS = {
    "regularizers": "The methods that ship, as `grokbench show NAME` describes them.",
    "tasks": "The tasks that ship, as `grokbench show NAME` describes them.",
    "metrics": "The metrics that ship, as `grokbench show NAME` describes them. Loss and accuracy on every split are "
    "always recorded.",
    "observers": "The observers that ship, as `grokbench show NAME` describes them. `--log NAME` adds one to a run.",
}


def write(folder: Path) -> None:
    """Write `suites.md`, `tables.md` and a page for each kind of plugin, such as `tasks.md`, into a folder."""
    registry = load_registry()
    for kind, lead in KINDS.items():
        names = list(getattr(registry, kind))
        _write(folder / f"{kind}.md", kind.capitalize(), lead, {name: entry(registry, name) for name in names}, "text")
    suites = {name: file.read_text(encoding="utf-8").rstrip() for name, file in shipped_suites().items()}
    _write(folder / "suites.md", "Suites that ship", "`grokbench run NAME` runs them.", suites, "yaml")
    (folder / "tables.md").write_text(reference_page(), encoding="utf-8")


def _write(file: Path, title: str, lead: str, sections: dict[str, str], language: str) -> None:
    parts = [f"## {name}\n\n```{language}\n{text}\n```" for name, text in sections.items()]
    file.write_text("\n\n".join([f"# {title}", lead, *parts]) + "\n", encoding="utf-8")
