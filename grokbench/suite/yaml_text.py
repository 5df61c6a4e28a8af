"""Data written as the YAML of a suite, to be read back as the same data."""

import re
from typing import Any

import yaml

from grokbench.suite.yaml12 import plain_scalar

__all__ = ["write_yaml"]

_PLAIN = re.compile(r"[A-Za-z][\w.-]*")
_WIDTH = 10_000  # characters of a line; so large that long texts are not folded


class _Writer(yaml.SafeDumper):
    """PyYAML's writer, with quotes wherever YAML 1.2 might read text as something else, and without aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        """Return True, so that equal lists and mappings are written twice instead of as aliases."""
        del data
        return True


def _text(writer: _Writer, text: str) -> Any:
    plain = _PLAIN.fullmatch(text) and plain_scalar(text) == text and yaml.safe_load(text) == text
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Writer.add_representer(str, _text)


def write_yaml(data: Any) -> str:
    """Write mappings, lists and scalars as YAML; the innermost mappings and lists take one line."""
    return yaml.dump(data, Dumper=_Writer, sort_keys=False, allow_unicode=True, default_flow_style=None, width=_WIDTH)
