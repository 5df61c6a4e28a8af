"""The checks of `grokbench doctor`: versions, devices, data, plugins and the results folder. They change nothing."""

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
from grokbench.doctor.hardware import GIB, compilation, cuda, memory
from grokbench.errors import PluginError
from grokbench.resources import cores

if TYPE_CHECKING:
    from grokbench.plugins.plugin import Plugin

__all__ = ["checkup"]

IMPORTED = ("numpy", "scipy", "torch", "torchvision")  # compiled packages, which may be installed but incompatible


def checkup(plugins: Iterable[str] = (), results: str = "runs") -> Iterator[Finding]:
    """Run all checks, ordered so that a failed check explains later failures.

    CUDA and plugins are not checked if a required package is missing, too old or cannot be imported.

    Args:
        plugins: plugin files to check, besides built-in plugins and installed packages.
        results: the results folder, which need not exist yet.
    """
    broken = False
    for finding in check_versions():
        broken |= finding.state == BAD
        yield finding
    yield Finding("devices", OK, f"{provenance.environment()['machine']} ({cores().source})")
    yield Finding("devices", OK, memory())
    yield compilation()
    yield from cuda() if not broken else ()
    yield from check_data(verify=not broken)
    if broken:
        yield Finding("plugins", NOTE, "not checked, since they need the packages above")
    else:
        yield from check_plugins(plugins)
    yield from check_results_folder(Path(results))


def check_versions() -> Iterator[Finding]:
    """Check that each required package is new enough, and that compiled packages can be imported."""
    here = provenance.environment()
    git = f", commit {here['git']['commit'][:10]}" if here["git"] else ""
    yield Finding("versions", OK, f"GrokBench {__version__}{git}, Python {here['python']}, {here['platform']}")
    sound = []
    try:
        needed = requirements()
    except PackageNotFoundError:
        yield Finding("versions", BAD, "grokbench is not installed, so its requirements are unknown", "pip install .")
        return
    for package, least in needed.items():
        if fault := _fault(package, least):
            yield Finding("versions", BAD, fault, f"pip install '{package}>={least}'")
        else:
            sound.append(f"{package} {version(package)}")
    yield Finding("versions", OK, ", ".join(sound))


def requirements() -> dict[str, str]:
    """Map each required package to its least version, extras excluded."""
    found = (re.fullmatch(r"([\w-]+)\s*>=\s*([\d.]+)", line) for line in requires("grokbench") or ())
    return {match[1]: match[2] for match in found if match}


def _fault(package: str, least: str) -> str | None:
    """Describe what is wrong with a package; None if nothing is."""
    try:
        installed = version(package)
    except PackageNotFoundError:
        return f"{package} is not installed"
    if _release(installed) < _release(least):
        return f"{package} {installed} is too old: GrokBench needs {least}"
    try:
        if package in IMPORTED:
            importlib.import_module(package)
    except Exception as error:  # an incompatible library may raise anything
        return f"{package} {installed} cannot be imported: {type(error).__name__}: {_first_line(error)}"
    return None


def _release(text: str) -> tuple[int, ...]:
    """Parse `2.14.1+cpu` as (2, 14, 1)."""
    match = re.match(r"\d+(\.\d+)*", text)
    return tuple(map(int, match[0].split("."))) if match else ()


def check_data(verify: bool) -> Iterator[Finding]:
    """Report each data set; a missing or unverified data set is only noted, since a suite may not need it.

    Args:
        verify: True to read the data that are present, which needs torch, and compare them with the published ones.
    """
    for each in data.status():
        if not each.present:
            yield Finding("data", NOTE, f"{each.name} is not in {each.folder}", each.how)
        elif not verify:
            yield Finding("data", OK, f"{each.name} in {each.folder}")
        else:
            word, remark = data.condition(each)
            state = {"damaged": BAD, "unverified": NOTE}.get(word, OK)
            yield Finding("data", state, f"{each.name} in {each.folder}: {word}", remark if state != OK else "")


def check_plugins(files: Iterable[str]) -> Iterator[Finding]:
    """Count the built-in plugins, name the other plugins, and report those that cannot be imported."""
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
    """List plugins by kind: the number of the built-in ones, and the names of the others."""
    kinds = dict.fromkeys(plugin.kind for plugin in plugins)
    names = {kind: [plugin.name for plugin in plugins if plugin.kind == kind] for kind in kinds}
    if plugins[0].builtin:
        return ", ".join(f"{len(found)} {kind}" for kind, found in names.items())
    return "; ".join(f"{kind} {', '.join(found)}" for kind, found in names.items())


def check_results_folder(folder: Path) -> Iterator[Finding]:
    """Check that results can be written, by writing a temporary file to the folder or its nearest existing parent."""
    folder = folder.absolute()
    existing = next(each for each in (folder, *folder.parents) if each.exists() or each.is_symlink())
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"grokbench")
    except OSError as error:
        yield Finding("results", BAD, f"{folder} cannot be written ({error.strerror})", "choose another folder: --out")
        return
    yield Finding("results", OK, f"{folder} can be written, {disk_usage(existing).free / GIB:.0f} GiB free")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0]
