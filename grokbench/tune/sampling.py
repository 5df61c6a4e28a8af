"""Points of a search: one Sobol sequence for all methods, or suggestions of Optuna's TPE."""

import math
import zlib
from collections.abc import Sequence
from typing import Any

from grokbench.errors import SuiteError
from grokbench.tune.scores import Score
from grokbench.tune.space import Dimension, Point, Space

__all__ = ["MAX_DIMENSIONS", "require_optuna", "sobol", "suggest"]

MAX_DIMENSIONS = 20  # dimensions of every point: all methods share their points, so the first two coordinates are equal
SEED = 0  # seed of the sequence's scrambling
MISSED = 1e3  # larger than the logarithm of any number of epochs


def sobol(count: int) -> list[Point]:
    """Return the first points of the scrambled Sobol sequence (Owen, 1998), which is the same for every method.

    With a larger `count`, the first points are the same. Sobol sequences are drawn in powers of two; surplus points are
    dropped.
    """
    from scipy.stats import qmc

    if count < 1:
        return []
    drawn = qmc.Sobol(MAX_DIMENSIONS, scramble=True, seed=SEED).random_base2((count - 1).bit_length())
    return [tuple(map(float, point)) for point in drawn[:count]]


def require_optuna() -> None:
    """Raise SuiteError if Optuna, which the sampler tpe needs, is not installed."""
    try:
        import optuna  # noqa: F401
    except ImportError:
        text = "the sampler tpe needs Optuna: pip install 'grokbench[tune]', or choose the sampler qmc"
        raise SuiteError(text) from None


def suggest(space: Space, points: Sequence[Point], scores: Sequence[Score], count: int, name: str) -> list[Point]:
    """Return the next points of a search by the tree-structured Parzen estimator (Bergstra et al., 2011).

    The points depend only on the arguments, so an interrupted search continues with the same points.

    Args:
        space: the search space of the method on the task.
        points: the points of the earlier trials.
        scores: the scores of the earlier trials.
        count: the number of points. With a larger number, the first points are the same.
        name: the name of the method and the task, from which the sampler's seed is made.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    seed = zlib.crc32(f"{name} {len(points)}".encode())
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=1, constant_liar=True)
    study = optuna.create_study(sampler=sampler)
    kinds = {dimension.name: _distribution(dimension) for dimension in space}
    for point, score in zip(points, scores, strict=True):
        known = {dimension.name: _parameter(dimension, point[dimension.coordinate]) for dimension in space}
        study.add_trial(optuna.create_trial(params=known, distributions=kinds, value=_loss(score)))
    return [_point(space, study.ask(kinds).params) for _ in range(count)]


def _loss(score: Score) -> float:
    """Return a number for a score, such that a smaller number ranks better."""
    return MISSED * (score.seeds - score.grokked) + math.log(score.epochs)


def _distribution(dimension: Dimension) -> Any:
    from optuna import distributions

    if dimension.choices:
        return distributions.CategoricalDistribution(range(len(dimension.choices)))
    return distributions.FloatDistribution(0.0, 1.0)


def _parameter(dimension: Dimension, u: float) -> float | int:
    return min(int(u * len(dimension.choices)), len(dimension.choices) - 1) if dimension.choices else u


def _point(space: Space, parameters: dict[str, Any]) -> Point:
    point = [0.5] * MAX_DIMENSIONS
    for dimension in space:
        given = parameters[dimension.name]
        point[dimension.coordinate] = (given + 0.5) / len(dimension.choices) if dimension.choices else given
    return tuple(point)
