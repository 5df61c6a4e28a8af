"""Suites of a few lines, for tests that change one place: one task with two methods, or tasks with several facts."""

HEAD = "suite: s\nseeds: 2\nbaseline: baseline\n"
GOOD = HEAD + "tasks: {parity: {use: sparse_parity}}\nregularizers: {baseline: {}, grokalign: {strength: 0.1}}\n"
PLAIN = GOOD.replace("use: sparse_parity", "use: sparse_parity, lr: 0.5, weight_decay: 1.0")
FACTS = """\
suite: s
seeds: 2
baseline: baseline
tasks: {xor: {}, parity: {use: sparse_parity}, mse: {use: modular_addition, loss: mse}}
regularizers: {baseline: {}, stable: {use: stablemax}, both: {use: [grokalign, stablemax]}}
"""


def only(cells, regularizer="grokalign"):
    """The one cell of a method."""
    (cell,) = [cell for (_, label), cell in cells.items() if label == regularizer]
    return cell
