"""`grokbench evaluate`, called from Python."""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from grokbench.api.runs import Runs, load_runs
from grokbench.errors import SuiteError
from grokbench.runner.evaluating import Inquiry
from grokbench.runner.evaluating import evaluate as measure
from grokbench.text.options import as_keywords

__all__ = ["evaluate"]


def evaluate(
    runs: Runs | str | Path,
    metric: str,
    *,
    parameters: Mapping[str, Any] | None = None,
    tasks: str | Iterable[str] = (),
    regularizers: str | Iterable[str] = (),
    epoch: int | str = "final",
    raw: bool = False,
    plugins: str | Path | Iterable[str | Path] = (),
    unverified_data: str | Iterable[str] = (),
) -> list[dict[str, Any]]:
    """Measure a metric on the weights that a results folder keeps, as `grokbench evaluate` does; nothing is stored.

    A cell on which the metric cannot be measured is left out, with a warning.

    Args:
        runs: the folder, or the `Runs` that `load_runs` or `run` returned.
        metric: the label of a metric in the folder, such as "test_accuracy", or the name of a metric's plugin.
        parameters: parameters of the plugin; they replace the label's parameters.
        tasks: only the tasks with these labels; default all.
        regularizers: only the regularizers with these labels; default all.
        epoch: completed epochs; "final" for the end of each replica.
        raw: measure the trained weights even if a method evaluates averaged weights.
        plugins: paths of plugin files.
        unverified_data: data sets that may differ from the published ones, besides those that the runs were trained on.

    Returns:
        Dicts with the keys `task`, `regularizer`, `seed`, `epoch` and `value`, for `pandas.DataFrame`.

    Raises:
        SuiteError: an argument is wrong.
        PluginError: there is no such metric, no cell can be measured, or a plugin has changed since the training.
        StoreError: the folder keeps no such weights, or a file is damaged.
        DataError: the data of a task is missing, or is not the published data.
    """
    from grokbench.plugins import load_registry

    if epoch != "final" and (isinstance(epoch, bool) or not isinstance(epoch, int)):
        raise SuiteError(f"epoch={epoch!r}: expected 'final', or a number of epochs")
    with as_keywords():
        inquiry = Inquiry(
            metric,
            dict(parameters or {}),
            _labels(tasks),
            _labels(regularizers),
            epoch if isinstance(epoch, int) else None,
            raw,
            _labels(unverified_data),
        )
        store = (runs if isinstance(runs, Runs) else load_runs(runs)).store
        values, refused = measure(store, inquiry, load_registry(_labels(plugins)))
    for sentence in refused:
        warnings.warn(sentence, stacklevel=2)
    return [asdict(value) for value in values]


def _labels(given: Any) -> tuple[str, ...]:
    """Return one or several labels as a tuple of text."""
    return (str(given),) if isinstance(given, str | Path) else tuple(map(str, given))
