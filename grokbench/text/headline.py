"""The line of an error that says what went wrong."""

__all__ = ["headline"]


def headline(error: str) -> str:
    """Return the line of an error that says what went wrong.

    Args:
        error: a traceback, whose last line is returned, or a text for the user, whose first line is returned.
    """
    lines = error.strip().splitlines() or [""]
    return lines[-1] if lines[0].startswith("Traceback ") else lines[0]
