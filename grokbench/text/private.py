"""Removal of a machine's paths and users' names from text, so that the text can be published.

A path is replaced by its end. For files of GrokBench and Python, this end is the path below the package or below
Python, such as `grokbench/engine/loop.py` or `<python>/site-packages/torch/nn/modules/linear.py`. For another source in
a traceback, it is the name of the file, such as `mine.py`. Any other path becomes `<path>` or `<path>/data.npz`. Paths
are recognised by their form, not by comparison with the paths of this machine, because a folder may come from another
one.
"""

import os
import platform
import re
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

__all__ = ["paths_in", "without_place", "without_private"]

ROOT = Path(__file__).parents[2]  # folders of the package and, in a checkout, of built-in plugins
OWN = ("grokbench", "tasks", "regularizers", "metrics", "suites")
COMMON = set(  # names of accounts and machines that do not identify a person
    "root user users home admin ubuntu debian linux windows darwin docker runner shared public localhost test "
    "grokbench python torch pytorch cpu cuda gpu".split()
)
TYPES = set(".py .pyx .so .yaml .yml .json .jsonl .npz .npy .gz .csv .txt .pt .safetensors .html .toml".split())
_CHARACTER = r"""[^\s"'`<>|;:]"""  # a character of an unquoted path
_NAME = r"""[^\s"'`<>|;:/\\]"""  # a character of a word in the name of a user's folder, which may hold spaces
_PATHS = re.compile(
    rf"""
      (?P<frame>(?m:^)\ *File\ ")(?P<file>[^"\n]+)(?=",\ line\ \d)
    | (?P<quote>["'])(?P<quoted>(?:/|\.\.?/|~[\w.-]*/|[A-Za-z]:[\\/]|\\\\)[^"'\n]*)(?=(?P=quote))
    | (?P<plain>
          (?<![\w.~:/<])/(?:{_CHARACTER}*?/)?(?:home|Users)/{_NAME}+(?:\ {_NAME}+){{1,3}}/{_CHARACTER}*
        | (?<![A-Za-z])[A-Za-z]:[\\/]+Users[\\/]+{_NAME}+(?:\ {_NAME}+){{1,3}}[\\/]{_CHARACTER}*
        | (?:(?<![\w.~:/<])(?<!<path>)(?<!<python>)/+|(?<=:)/(?!/)|(?<=\\[nrt])/+){_CHARACTER}+
        | (?<![\w/.])(?:\.\.?|~[\w.-]*)/{_CHARACTER}+
        | (?<![A-Za-z])[A-Za-z]:[\\/](?!/)[^\s"'`<>|]+
        | (?<!\\)\\{{2,}}[^\s"'`<>|\\]+\\+[^\s"'`<>|\\][^\s"'`<>|]*
      )
    """,
    re.VERBOSE,
)
_ABSOLUTE = re.compile(r"/|~|\\\\|[A-Za-z]:")
_PYTHON = re.compile(r"(?:^|/)(?:lib\d*/python\d[\d.]*|[Ll]ib(?=/site-packages/)|python[\d.]*/Lib)/(?P<rest>.+)")
_USER = re.compile(r"""(?:/home/|/Users/|\\Users\\)\\?([^\s/\\"'`<>|;:,]+)""")
_MODULE = re.compile(r"\bgrokbench_plugins_[0-9a-f]{12}\.")  # the digits in this name are a hash of the folder


def without_private(text: str) -> str:
    """Replace paths, user names and the name of this machine in a text, such as a traceback."""
    users = {*_names_here(), *_USER.findall(text)}
    text = text.replace("file://", "")
    for spaced in _places_here():
        text = text.replace(spaced, "/home/user")
    text = _PATHS.sub(_replaced, _MODULE.sub("", text))
    for name in sorted(users, key=len, reverse=True):
        if len(name) > 1 and name.lower() not in COMMON:
            text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", "<user>", text)
    return text


def without_place(folder: str) -> str:
    """Return a path unchanged if it leads down from the current folder, otherwise its last name."""
    path = Path(folder)
    return path.resolve().name if path.is_absolute() or os.pardir in path.parts else folder


def paths_in(text: str) -> Iterator[str]:
    """Yield the absolute paths in a text, except those of files of GrokBench or Python."""
    for found in _PATHS.finditer(text):
        path = found["file"] or found["quoted"] or found["plain"]
        if _ABSOLUTE.match(path) and _relative(path).startswith("<path>"):
            yield path


def _replaced(found: re.Match[str]) -> str:
    if path := found["file"]:
        return f"{found['frame']}{path if path.startswith('<') else _relative(path, source=True)}"
    if path := found["quoted"]:
        return f"{found['quote']}{_relative(path)}"
    path = found["plain"].rstrip(".,)]}")
    return _relative(path) + found["plain"][len(path) :]


def _relative(path: str, source: bool = False) -> str:
    """Return the part of a path that may be published; of an unknown path, at most the name of the file.

    Args:
        path: the path.
        source: whether the path is that of a source file in a traceback.
    """
    parts = PurePosixPath(re.sub(r"\\+", "/", path)).parts
    for start, name in enumerate(parts):
        if name in OWN and os.pardir not in parts and ROOT.joinpath(*parts[start:]).exists():
            return "/".join(parts[start:])
    if found := _PYTHON.search("/".join(parts)):
        return f"<python>/{found['rest']}"
    name = parts[-1] if parts else ""
    if not name.strip("/"):
        return path
    known = PurePosixPath(name).suffix in TYPES
    return name if source and known else f"<path>/{name}" if known else "<path>"


def _names_here() -> set[str]:
    """Return the names of this user and this machine."""
    names = {os.environ.get(key, "") for key in ("LOGNAME", "USER", "LNAME", "USERNAME")}
    host = platform.node()
    return {*names, host, host.partition(".")[0], *(Path(place).name for place in _homes())}


def _places_here() -> list[str]:
    """Return the paths of this machine that contain a space, which _PATHS cannot recognise; the longest first."""
    here = [*_homes(), os.getcwd(), sys.prefix]
    return sorted((place for place in here if re.search(r"\s", place)), key=len, reverse=True)


def _homes() -> list[str]:
    try:
        return [str(Path.home())]
    except RuntimeError:
        return []
