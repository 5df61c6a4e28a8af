"""The manifest of a results folder: reading, writing, and merging with the present plan."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from grokbench.errors import StoreError
from grokbench.io import json_lines
from grokbench.io.files import read_bytes
from grokbench.records import FORMAT, MOST_REPLICAS, Cell, Manifest, identity
from grokbench.seeds import FIRST_REPORTED
from grokbench.store.layout import Layout
from grokbench.text.options import Option
from grokbench.text.suggest import short

__all__ = ["File", "facts", "manifest_line", "merge", "purposes", "read_manifest", "recipe_fault"]


@dataclass(frozen=True)
class _Format:
    """The beginning of `manifest.json` in every version."""

    format: int


@dataclass(frozen=True)
class File:
    """The contents of `manifest.json`."""

    format: int
    manifest: Manifest


def manifest_line(manifest: Manifest) -> bytes:
    """Write a manifest as the line of JSON that `manifest.json` holds."""
    cells = {name: list(map(_cell_data, getattr(manifest, name))) for name in ("cells", "withdrawn")}
    return json_lines.dump({"format": FORMAT, "manifest": vars(manifest) | cells})


def _cell_data(cell: Cell) -> dict[str, Any]:
    origins = {name: origin.data() for name, origin in cell.origins.items()}
    return vars(cell) | {"recipe": cell.recipe.data(), "origins": origins}


def read_manifest(directory: Path) -> Manifest:
    """Read the manifest of a results folder.

    Raises:
        StoreError: there is no manifest, it is damaged or was edited, or another version wrote it.
    """
    path = Layout(directory).manifest
    try:
        content = read_bytes(path, json_lines.LONGEST)
        version: int = json_lines.parse(_Format, content).format
        if version == FORMAT:
            return _checked(json_lines.parse(File, content).manifest)
    except (FileNotFoundError, NotADirectoryError):
        raise StoreError(
            f"{directory} is not a results folder: it holds no {path.name}. "
            f"Name a folder that `grokbench run` wrote, such as runs/quick."
        ) from None
    except (OSError, ValueError) as error:  # pydantic's errors are ValueErrors
        raise StoreError(
            f"{path} cannot be read ({_why(error)}). Put back a copy of it; or delete it and run the suite into "
            f"{directory} again, which keeps the runs; or choose another folder."
        ) from error
    raise StoreError(
        f"{directory} has format {version}, and this version of grokbench reads format {FORMAT}. "
        "Use the version of grokbench that wrote it, or choose another folder."
    )


def _checked(manifest: Manifest) -> Manifest:
    """Refuse cells that contradict each other; the message of the ValueError is a part of a sentence."""
    for cell in (*manifest.cells, *manifest.withdrawn):
        if wrong := recipe_fault(cell):
            raise ValueError(f"the cell {cell.name}: {wrong}")
    if manifest.replicas > MOST_REPLICAS:
        raise ValueError(f"it plans {manifest.replicas} replicas, expected at most {MOST_REPLICAS}")
    return manifest


def recipe_fault(cell: Cell) -> str:
    """Describe how a cell contradicts the recipe that it was trained with; empty if it does not.

    Args:
        cell: a cell of a manifest that was read, and may have been edited.
    """
    recipe = cell.recipe
    hashed = identity(recipe.data())
    if hashed != cell.identity:
        return f"its recipe was edited: the recipe has the identity {hashed}, the cell {cell.identity}"
    for name in ("evaluate_every", "budget"):
        if (planned := getattr(recipe, name)) not in (None, getattr(cell, name)):
            return f"its {name} is {getattr(cell, name)}, but its recipe has {planned}"
    return ""


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, ValidationError):
        first, *others = error.errors(include_url=False, include_input=False)
        place = ".".join(map(str, first["loc"])).removeprefix("manifest.")
        more = f", and {len(others)} more" if others else ""
        return f"{short(place)}: {short(first['msg'].removeprefix('Value error, '), 200)}{more}"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def merge(stored: Manifest, planned: Manifest, where: str | Path) -> Manifest:
    """Merge the manifest of a folder with the manifest of a suite that is to be run in it.

    The merged manifest has the seeds of both in ascending order; everything else is as planned now. Cells that are no
    longer planned are withdrawn: their files stay on disk but are not shown until the cells are planned again.

    Args:
        stored: the manifest in the folder.
        planned: the manifest of the present plan.
        where: the folder, for messages.

    Raises:
        StoreError: the two cannot be in one leaderboard, because they differ in suite, baseline, device kind, precision
            or engine revision, or have no cell in common; or there are more replicas than a folder may hold.
    """
    if differences := _differences(stored, planned):
        raise StoreError(
            f"{where} holds results that cannot be shown beside these: {'; '.join(differences)}. "
            f"Choose another folder ({Option('out')}), or delete {where}."
        )
    merged = replace(
        planned,
        seeds=tuple(sorted({*stored.seeds, *planned.seeds})),
        declared_seeds=_declared_seeds(stored, planned),
        withdrawn=_withdrawn(stored, planned),
    )
    if merged.replicas > MOST_REPLICAS:
        raise StoreError(
            f"{where} would hold {merged.replicas} replicas, expected at most {MOST_REPLICAS}. "
            f"Choose another folder ({Option('out')})."
        )
    return merged


def _declared_seeds(stored: Manifest, planned: Manifest) -> tuple[int, ...]:
    """Return the planned list of seeds, extended by the folder's seeds if some of these are not in the list."""
    if set(stored.seeds) <= set(planned.full_seeds):
        return planned.full_seeds
    return tuple(dict.fromkeys((*stored.full_seeds, *planned.full_seeds)))


def _withdrawn(stored: Manifest, planned: Manifest) -> tuple[Cell, ...]:
    """List the cells of the folder whose recipe is not planned now, one cell for each recipe."""
    now = {cell.identity for cell in planned.cells}
    gone = {cell.identity: cell for cell in (*stored.withdrawn, *stored.cells) if cell.identity not in now}
    return tuple(gone.values())


def _differences(stored: Manifest, planned: Manifest) -> list[str]:
    was, now = facts(stored), facts(planned)
    changed = [key for key in {**was, **now} if was.get(key) != now.get(key)]
    if purposes(stored) != purposes(planned):
        there, here = " and ".join(purposes(stored)), " and ".join(purposes(planned))
        return [f"it holds seeds for {there}, and these are for {here} (calibration uses seeds below {FIRST_REPORTED})"]
    if not changed and not {cell.identity for cell in stored.cells} & {cell.identity for cell in planned.cells}:
        return [f"the suite {stored.suite!r} there has no cell in common with this one"]
    return [_changed(key, was.get(key), now.get(key)) for key in changed]


def _changed(key: str, was: Any, now: Any) -> str:
    if key == "compile":
        return f"they were trained {_with(was)} {Option(key)}, and these {_with(now)} it"
    return f"{key} was {was!r} and is now {now!r}"


def _with(option: Any) -> str:
    return "with" if option else "without"


def purposes(manifest: Manifest) -> list[str]:
    """Name the purposes of the seeds: calibration, reporting. Settings are never chosen on reported seeds."""
    return sorted({"calibration" if seed < FIRST_REPORTED else "reporting" for seed in manifest.seeds})


def facts(manifest: Manifest) -> dict[str, Any]:
    """Return the facts that all runs of a folder share, after a round trip through JSON (tuples become lists)."""
    facts = {"suite": manifest.suite, "baseline": manifest.baseline, **manifest.execution}
    found: dict[str, Any] = json_lines.parse(dict[str, Any], json_lines.dump(facts))
    return found
