"""Labels that are shortened in the same way everywhere, and positions in pixels."""

import altair as alt

__all__ = ["CUT", "cut", "pixels"]

LONGEST = 28  # most characters of a label that are shown
BEFORE, AFTER = LONGEST // 2, LONGEST // 2 - 1  # characters shown before and after an ellipsis
SHORT = f"slice(datum.label, 0, {BEFORE}) + '…' + slice(datum.label, -{AFTER})"
CUT = f"length(datum.label) > {LONGEST} ? {SHORT} : datum.label"  # the same as `cut`, for the labels of an axis


def pixels(field: str) -> alt.Y:
    """Return a vertical position that is read from a field, in pixels from the top of the plot."""
    return alt.Y(f"{field}:Q", scale=None, axis=None)


def cut(label: str) -> str:
    """Shorten a long label in its middle, because variants of a method differ at the end."""
    return label if len(label) <= LONGEST else f"{label[:BEFORE]}…{label[-AFTER:]}"
