"""Every error a user can cause, as one small tree.

    GrokbenchError          one clear sentence: what, where, what was expected, what next
    ├── SuiteError          the suite or the command line is wrong; nothing was run
    ├── PluginError         a plugin breaks its contract
    ├── DataError           data files are missing or damaged
    └── StoreError          the results folder cannot be used as asked

The command line prints the message without a traceback and exits with `exit_status`.
"""

__all__ = ["DataError", "GrokbenchError", "PluginError", "StoreError", "SuiteError"]


class GrokbenchError(Exception):
    """Anything that a user can put right; the message says how."""

    exit_status = 2


class SuiteError(GrokbenchError):
    """The suite, or the command line that names it, cannot be run as written."""


class PluginError(GrokbenchError):
    """A plugin is missing, is named twice, or breaks its contract."""


class DataError(GrokbenchError):
    """Data files are missing or not in the format they should have."""


class StoreError(GrokbenchError):
    """The results folder belongs to something else, or cannot be written."""
