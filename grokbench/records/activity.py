"""The activity of this process: a count that grows while its work proceeds, and a request to stop."""

from dataclasses import dataclass

__all__ = ["ACTIVITY", "Activity"]


@dataclass
class Activity:
    """The activity of a process.

    Attributes:
        steps: grows with every training step, evaluation and prepared replica. Only a change has a meaning: the work
            proceeds. A call that lasts long, such as a compilation, counts as one step when it ends.
        stopping: the process was asked to stop. Training then ends after the present epoch, with a checkpoint.
    """

    steps: int = 0
    stopping: bool = False


ACTIVITY = Activity()  # of this process, which does one job at a time
