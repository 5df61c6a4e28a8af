"""The choice of the matrices that a method with its own optimizer acts on, by the roles of the parameters."""

from collections.abc import Mapping, Sequence

from grokbench import Role, Task


def chosen(roles: Mapping[str, Role], shapes: Mapping[str, tuple[int, ...]], wanted: Sequence[Role]) -> list[str]:
    """The names of the matrices and kernels with a role in `wanted`.

    If `wanted` is empty: the hidden matrices, or those of the input layer in a network without hidden matrices.
    """
    of = {name: roles[name] for name, shape in shapes.items() if len(shape) in (2, 4)}
    wanted = wanted or (["hidden"] if "hidden" in of.values() else ["input"])
    return [name for name, role in of.items() if role in wanted]


def missing(task: Task, wanted: Sequence[Role]) -> str | None:
    """The reason why a method cannot act on matrices with these roles in a task; None if it can."""
    have = {role for name, role in task.roles.items() if name not in task.frozen} - {"bias"}
    if have & set(wanted or ("hidden", "input")):
        return None
    return f"no trained matrix has a role among {', '.join(wanted) or 'hidden, input'}, only {', '.join(sorted(have))}"
