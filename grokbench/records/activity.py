"""The activity of this process: a count that grows while its work proceeds, and a request to stop."""

from dataclasses import dataclass

__all__ = ["ACTIVITY", "Activity"]


@dataclass
class Activity:
    """The activity of a process.

    Attributes:
        steps: a count that grows with every training step, evaluation and prepared replica. Its value has no meaning,
            but a change means progress. A long call, such as a compilation, counts as one step when it ends.
        stopping: True if the process was asked to stop. Training then ends after the present epoch, with a checkpoint.
    """

    steps: int = 0
    stopping: bool = False


ACTIVITY = Activity()  # the activity of this process, which does one job at a time
