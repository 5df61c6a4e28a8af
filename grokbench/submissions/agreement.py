"""Contradictions between a submission and everything it refers to: its suite, installed plugins, data, the reference.

The cells are planned again, from the suite and from the recipes of the added methods, and compared with the submitted
ones. An edited recipe therefore cannot pass, even if its identity was edited to match.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from grokbench.data.published import PUBLISHED, unverified
from grokbench.errors import SuiteError
from grokbench.records import Cell, Manifest, Run, Use, origins_of
from grokbench.runner.request import Plan, Request, resolve
from grokbench.store import Store
from grokbench.suite import load_suite
from grokbench.text.escape import printable
from grokbench.text.lists import listed

__all__ = ["added_methods", "disagreements", "planned_again"]

NAMED = 3  # largest number of faults of one kind that are named
FIELDS = ("budget", "metrics", "measured", "privileges", "marks", "optimizer", "compare_to")  # of a cell
OPTIMIZER = "optimizer"
PRECISIONS = ("float32", "float64")
MANIFEST = {  # field of a manifest -> the beginning of a sentence about it
    "suite": "Its name and rows are",
    "baseline": "Its baseline and other rows are",
    "statistics": "Its statistics are",
    "published": "Its published numbers are",
}


def planned_again(manifest: Manifest, suite: str, plugins: Sequence[str]) -> Plan:
    """Plan the suite with the methods that a submission adds to it.

    Args:
        manifest: the manifest of the submission.
        suite: the name of a shipped suite, or a path.
        plugins: files of plugins that define the added methods.

    Raises:
        SuiteError: an added method cannot be written as an entry of the suite, or the suite refuses it.
        PluginError: a plugin is missing, or its file cannot be loaded.
    """
    own = {entry.label for entry in load_suite(suite).regularizers}
    methods = tuple(json.dumps(entry) for entry in added_methods(manifest, own))
    execution = manifest.execution
    precision, device = execution.get("precision"), str(execution.get("device", "cpu"))
    if precision not in PRECISIONS:
        raise SuiteError(f"its precision is {_short(precision)}, expected {listed(PRECISIONS, 'or')}")
    request = Request(suite, methods=methods, plugins=tuple(plugins), precision=precision, reference="none")
    plan = resolve(replace(request, device="cpu"))  # a recipe does not depend on the device
    return replace(plan, manifest=replace(plan.manifest, execution={**plan.manifest.execution, "device": device}))


def added_methods(manifest: Manifest, own: set[str]) -> Iterator[dict[str, Any]]:
    """Yield an entry of a suite, label -> settings, for each method that is not one of the suite's own.

    Args:
        manifest: the manifest of a results folder.
        own: the labels of the suite's regularizers.

    Raises:
        SuiteError: a method has different plugins on different tasks, which an entry of a suite cannot express.
    """
    labels = dict.fromkeys(cell.regularizer for cell in manifest.cells if cell.regularizer not in own)
    for label in labels:
        cells = [cell for cell in manifest.cells if cell.regularizer == label]
        names = [use.name for use in cells[0].recipe.regularizers]
        if not names:
            raise SuiteError(f"{printable(label)} uses no regularizer, expected at least one")
        if any([use.name for use in cell.recipe.regularizers] != names for cell in cells):
            raise SuiteError(f"{printable(label)} has different plugins on two tasks, expected the same on all")
        per_task = {cell.task: _settings(cell) for cell in cells}
        common = next(iter(per_task.values()))
        same = all(settings == common for settings in per_task.values())
        entry: dict[str, Any] = {"use": names if len(names) > 1 else names[0]} | (
            common if same else {"per_task": per_task}
        )
        others = cells[0].compare_to
        yield {label: entry | ({"compare_to": list(others)} if others else {})}


def _settings(cell: Cell) -> dict[str, Any]:
    """Return the parameters of a cell's methods and its optimizer settings, in the form of an entry of a suite."""
    uses: Sequence[Use] = cell.recipe.regularizers
    several = {use.name: dict(use.parameters) for use in uses if use.parameters}
    found: dict[str, Any] = several if len(uses) > 1 else dict(uses[0].parameters)
    return found | ({OPTIMIZER: dict(cell.recipe.optimizer)} if cell.recipe.optimizer else {})


def disagreements(store: Store, plan: Plan, reference: Store | None) -> Iterator[str]:
    """Yield a sentence for each contradiction.

    Args:
        store: the submission.
        plan: the plan of the suite with the methods of the submission, see `planned_again`.
        reference: the committed results of the suite; None if there are none.
    """
    yield from _of_manifests(store.manifest, plan.manifest)
    own = {entry.label for entry in plan.suite.regularizers} - _added(store, plan)
    expected = {cell.key: cell for cell in plan.manifest.cells}
    for cell in store.manifest.cells:
        if (there := expected.get(cell.key)) is None:
            yield f"{printable(cell.name)} is not a cell of the suite {plan.suite.name}."
            continue
        yield from _of_cells(cell, there)
        if cell.regularizer not in own:
            yield from _of_sources(cell, there, store)
    present = {cell.key for cell in store.manifest.cells}
    for key, cell in expected.items():
        if key not in present:
            yield f"{printable(cell.name)} is missing: submit every task and every row of the suite {plan.suite.name}."
    yield from islice(_of_data(store, plan, reference), NAMED)
    yield from islice(_of_reference(store, reference), NAMED)


def _added(store: Store, plan: Plan) -> set[str]:
    return {cell.regularizer for cell in store.manifest.cells} & set(plan.suite.added)


def _of_manifests(submitted: Manifest, planned: Manifest) -> Iterator[str]:
    for name, words in MANIFEST.items():
        if getattr(submitted, name) != getattr(planned, name):
            yield f"{words} not those of the suite {planned.suite}: submit a folder of the suite as it is shipped."
    if set(submitted.seeds) != set(planned.full_seeds):
        yield f"Its seeds are not the {len(planned.full_seeds)} seeds of the suite {planned.suite}."
    if submitted.execution.get("engine") != planned.execution.get("engine"):
        was, now = submitted.execution.get("engine"), planned.execution.get("engine")
        yield f"It was trained by engine {was}, and this is engine {now}: run it again with this version."


def _of_cells(cell: Cell, there: Cell) -> Iterator[str]:
    """Yield a sentence for each field in which a cell differs from the same cell planned again."""
    mine, theirs = cell.recipe.data(), there.recipe.data()
    if different := [key for key in {**mine, **theirs} if mine.get(key) != theirs.get(key)]:
        shown = "; ".join(
            f"{key} is {_short(mine.get(key))}, not {_short(theirs.get(key))}" for key in different[:NAMED]
        )
        yield f"{printable(cell.name)} has another recipe than the suite: {shown}."
    else:
        for name in FIELDS:
            if _plain(getattr(cell, name)) != _plain(getattr(there, name)):
                both = f"{_short(getattr(cell, name))}, not {_short(getattr(there, name))}"
                yield f"{printable(cell.name)}: the field {name} differs from the suite and its plugins: {both}."


def _plain(value: Any) -> Any:
    """Return data as JSON has it: lists in place of tuples."""
    return json.loads(json.dumps(value, default=lambda each: vars(each)))


def _short(value: Any) -> str:
    text = printable(json.dumps(value, default=str))
    return text if len(text) <= 120 else f"{text[:117]}..."


def _of_sources(cell: Cell, there: Cell, store: Store) -> Iterator[str]:
    """Yield a sentence for each plugin of an added method whose source is not the one that made the runs."""
    for plugin, origin in there.origins.items():
        if plugin.startswith("metrics.") or plugin.startswith("tasks."):
            continue
        made = [origins_of(run.provenance).get(plugin) for run in store.runs_of(cell, store.manifest.seeds)]
        if not all(each is not None and origin.agrees_with(each) for each in made):
            other = next((each for each in made if each is None or not origin.agrees_with(each)), None)
            was = other.with_digest if other else "an unknown source"
            yield (
                f"{printable(cell.name)} was made by {was}, and this is {origin.with_digest}: submit the source that "
                "made the runs, or run it again."
            )


def _of_data(store: Store, plan: Plan, reference: Store | None) -> Iterator[str]:
    """Yield a sentence for each task that was trained on other data than the published ones or the reference's."""
    theirs, trained = _data_of(reference), [run for run in store.runs() if not run.reference]
    for cell in {cell.task: cell for cell in store.manifest.cells}.values():
        of_task = {other.identity for other in store.manifest.cells if other.task == cell.task}
        own = [run for run in trained if run.identity in of_task]
        read: list[Mapping[str, str]] = [run.provenance.get("data") or {} for run in own]
        needed = {cell.recipe.task.name} & set(PUBLISHED)
        wrong = {name for each in read for name in unverified(each)} - set(plan.suite.unverified_data)
        task = printable(cell.task)
        if any(needed - each.keys() for each in read):
            yield f"{task} was trained on data of which a run records no digest: run it again with this version."
        elif wrong:
            yield f"{task} was trained on other data than the published {listed(sorted(wrong))}."
        elif others := [each for each in read if each != theirs.get(cell.task, each)]:
            both = f"{_short(others[0])}, not {_short(theirs[cell.task])}"
            yield f"{task} was trained on other data than the reference: {both}."


def _data_of(reference: Store | None) -> dict[str, Mapping[str, str]]:
    """Return task -> digests of the data that the reference's runs recorded; tasks without digests are left out."""
    if reference is None:
        return {}
    tasks = {cell.identity: cell.task for cell in reference.manifest.cells}
    return {tasks[run.identity]: dict(run.provenance["data"]) for run in reference.runs() if run.provenance.get("data")}


def _of_reference(store: Store, reference: Store | None) -> Iterator[str]:
    """Yield a sentence for each row that is marked as a row of the reference but differs from it."""
    for cell in store.manifest.cells:
        for run in store.runs_of(cell, store.manifest.seeds):
            if not run.reference:
                continue
            there = reference.runs_of(cell, [run.seed]) if reference else []
            if not there or _result(run) != _result(there[0]):
                yield (
                    f"{printable(cell.name)}, seed {run.seed}, is marked as a row of {printable(run.reference)} but "
                    "differs from the committed row."
                )


def _result(run: Run) -> Run:
    """Return a run without the parts that packing and copying change."""
    kept = {key: value for key, value in run.provenance.items() if key not in ("reference", "curves")}
    return replace(run, curves={}, weights={}, provenance=kept)
