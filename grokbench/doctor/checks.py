"""What `grokbench doctor` looks at: versions, devices, data, plugins, and where results go; nothing is changed."""

import importlib
import re
import tempfile
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from shutil import disk_usage
from typing import TYPE_CHECKING

from grokbench import __version__, data, provenance
from grokbench.doctor.finding import BAD, NOTE, OK, Finding
from grokbench.doctor.hardware import GIB, cuda, memory
from grokbench.errors import PluginError

if TYPE_CHECKING:
    from grokbench.plugins.plugin import Plugin

__all__ = ["checkup"]

IMPORTED = ("numpy", "scipy", "torch", "torchvision")  # compiled, so one may be there and not fit another


def checkup(plugins: Iterable[str] = (), results: str = "runs") -> Iterator[Finding]:
    """Look at everything, in an order that lets the first broken thing explain those after it.

    Args:
        plugins: plugin files to look at beside the built-in plugins and those of installed packages.
        results: the folder that results go to.
    """
    broken = False
    for finding in versions():
        broken |= finding.state == BAD
        yield finding
    yield Finding("devices", OK, provenance.environment()["machine"])
    yield Finding("devices", OK, memory())
    yield from cuda() if not broken else ()
    yield from data_sets()
    if broken:
        yield Finding("plugins", NOTE, "not looked at, since they need the packages above")
    else:
        yield from plugins_found(plugins)
    yield from place_of_results(Path(results))


def versions() -> Iterator[Finding]:
    """Python and the packages that the program needs: each as new as it must be, and compiled ones can be imported."""
    here = provenance.environment()
    git = f", commit {here['git']['commit'][:10]}" if here["git"] else ""
    yield Finding("versions", OK, f"GrokBench {__version__}{git}, Python {here['python']}, {here['platform']}")
    sound = []
    try:
        needed = requirements()
    except PackageNotFoundError:
        yield Finding("versions", BAD, "grokbench is not installed, so what it needs is not known", "pip install .")
        return
    for package, least in needed.items():
        if fault := _fault(package, least):
            yield Finding("versions", BAD, fault, f"pip install '{package}>={least}'")
        else:
            sound.append(f"{package} {version(package)}")
    yield Finding("versions", OK, ", ".join(sound))


def requirements() -> dict[str, str]:
    """Package -> the least version of it that the program needs, without extras."""
    found = (re.fullmatch(r"([\w-]+)\s*>=\s*([\d.]+)", line) for line in requires("grokbench") or ())
    return {match[1]: match[2] for match in found if match}


def _fault(package: str, least: str) -> str | None:
    """What is wrong with a package, in a sentence; None where nothing is."""
    try:
        there = version(package)
    except PackageNotFoundError:
        return f"{package} is not installed"
    if _release(there) < _release(least):
        return f"{package} {there} is too old: GrokBench needs {least}"
    try:
        if package in IMPORTED:
            importlib.import_module(package)
    except Exception as error:  # whatever a library that does not fit raises
        return f"{package} {there} cannot be imported: {type(error).__name__}: {_first_line(error)}"
    return None


def _release(text: str) -> tuple[int, ...]:
    """`2.14.1+cpu` as (2, 14, 1)."""
    match = re.match(r"\d+(\.\d+)*", text)
    return tuple(map(int, match[0].split("."))) if match else ()


def data_sets() -> Iterator[Finding]:
    """Which data sets are here; one that is not may never be needed."""
    for each in data.status():
        if each.present:
            yield Finding("data", OK, f"{each.name} in {each.folder}")
        else:
            yield Finding("data", NOTE, f"{each.name} is not in {each.folder}", each.how)


def plugins_found(files: Iterable[str]) -> Iterator[Finding]:
    """How many plugins are built in, which came from elsewhere, and which cannot be imported."""
    from grokbench.plugins import load_registry

    try:
        registry = load_registry(files)
    except PluginError as error:
        yield Finding("plugins", BAD, str(error))
        return
    for provider in dict.fromkeys(str(plugin.origin) for plugin in registry):
        own = [plugin for plugin in registry if str(plugin.origin) == provider]
        yield Finding("plugins", OK, f"{provider}: {_listed(own)}")
    for broken in registry.broken:
        yield Finding("plugins", BAD, str(broken), "`grokbench list` prints its traceback")


def _listed(plugins: "list[Plugin]") -> str:
    """Names by kind, or their number where they are many."""
    kinds = dict.fromkeys(plugin.kind for plugin in plugins)
    names = {kind: [plugin.name for plugin in plugins if plugin.kind == kind] for kind in kinds}
    if plugins[0].builtin:
        return ", ".join(f"{len(found)} {kind}" for kind, found in names.items())
    return "; ".join(f"{kind} {', '.join(found)}" for kind, found in names.items())


def place_of_results(folder: Path) -> Iterator[Finding]:
    """Whether results can be written where they go, found by writing there."""
    place = folder.absolute()
    there = next(each for each in (place, *place.parents) if each.exists() or each.is_symlink())
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"grokbench")
    except OSError as error:
        yield Finding("results", BAD, f"{place} cannot be written ({error.strerror})", "choose another folder: --out")
        return
    yield Finding("results", OK, f"{place} can be written, {disk_usage(there).free / GIB:.0f} GiB free")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0]
