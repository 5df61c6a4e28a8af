"""The errors that a user can cause.

They form one small tree::

    GrokbenchError          the message says what is wrong, where, what was expected and what to do next
    ├── SuiteError          the suite or the command line is wrong; nothing was run
    ├── PluginError         a plugin is missing or breaks its contract
    ├── DataError           data files are missing or damaged
    └── StoreError          the results folder cannot be used as requested

The command line prints the message without a traceback and exits with `exit_status`.
"""

__all__ = ["DataError", "GrokbenchError", "PluginError", "StoreError", "SuiteError"]


class GrokbenchError(Exception):
    """An error that a user can correct; the message says how. Catch it for all four kinds.

    Attributes:
        exit_status: the exit status of a command that ends with this error, 2.
    """

    exit_status = 2


class SuiteError(GrokbenchError):
    """The suite, or the command line that names it, cannot be run as written; nothing was run."""


class PluginError(GrokbenchError):
    """A plugin is missing, shares its name with another plugin, or breaks its contract."""


class DataError(GrokbenchError):
    """Data files are missing, damaged or not in the expected format."""


class StoreError(GrokbenchError):
    """The results folder is missing, damaged or in use, holds other results, or cannot be written."""
