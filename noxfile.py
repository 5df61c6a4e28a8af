"""What a change must pass: `nox` runs everything, `nox -s tests` one session.

torch takes several GB, so the sessions that need it share one environment, `.nox/shared`. They run in an order
that makes this safe: `wheel` first, while the environment holds nothing but what the wheel declares.
"""

import json
import shutil
import sys
from pathlib import Path
from zipfile import ZipFile

import nox

ROOT = Path(__file__).parent
SHARED = ROOT / ".nox" / "shared"
BIN = SHARED / ("Scripts" if sys.platform == "win32" else "bin")
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")["project"]

# pytest last: its closing lines end the output
nox.options.sessions = ["lint", "wheel", "types", "docs", "oracles", "tests"]


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff over everything, with the version range of the extra `dev`."""
    session.install(*[need for need in PROJECT["optional-dependencies"]["dev"] if need.startswith("ruff")])
    session.run("ruff", "check", ".")


@nox.session(venv_backend="none")
def wheel(session: nox.Session) -> None:
    """The wheel claims one top-level name, and runs a suite and begins a plugin from an empty folder."""
    built = build_wheel(session)
    names = {name.split("/")[0] for name in ZipFile(built).namelist()}
    claimed = {name for name in names if not name.endswith(".dist-info")}
    if claimed != {PROJECT["name"]}:
        session.error(f"the wheel should claim the name {PROJECT['name']} alone, and claims {sorted(claimed)}")
    install(session, "--force-reinstall", "--no-deps", built)  # in place of an editable install
    install(session, built)
    check_smoke(session)
    check_new(session)


@nox.session(venv_backend="none")
def types(session: nox.Session) -> None:
    """Mypy over the installed wheel: in the checkout, `tasks` is not yet `grokbench.tasks`."""
    built = build_wheel(session)
    install(session, "--force-reinstall", "--no-deps", built)
    install(session, f"{built}[dev]")
    with session.chdir(session.create_tmp()):
        python(session, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), "-p", PROJECT["name"])


@nox.session(venv_backend="none")
def docs(session: nox.Session) -> None:
    """The site, into `site/`: a warning is an error."""
    install(session, "--editable", f"{ROOT}[docs]")
    shutil.rmtree(ROOT / "site", ignore_errors=True)
    python(session, "-P", "-m", "sphinx", "-W", "--keep-going", "-q", "-E", str(ROOT / "docs"), str(ROOT / "site"))


@nox.session(venv_backend="none")
def oracles(session: nox.Session) -> None:
    """The statistics against statsmodels, lifelines and enumeration."""
    install(session, "--editable", f"{ROOT}[test,oracles]")
    python(session, "-P", "-m", "pytest", "-m", "oracles", "tests/test_stats_oracles.py")


@nox.session(venv_backend="none")
def tests(session: nox.Session) -> None:
    """Pytest over an editable install, on at most four cores; `nox -s tests -- -k store` passes arguments on."""
    install(session, "--editable", f"{ROOT}[test]")
    session.env["OMP_NUM_THREADS"] = "1"  # a test has one core
    split = ("-n", "auto", "--maxprocesses", "4", "--dist", "worksteal")
    python(session, "-P", "-m", "pytest", "-m", "not oracles", *split, *session.posargs)


@nox.session(venv_backend="none")
def survival(session: nox.Session) -> None:
    """Forty kills at random moments of the suite `smoke`, some 15 minutes; arguments are passed on to the script."""
    install(session, "--editable", f"{ROOT}[test]")
    python(session, "-P", str(ROOT / "tests" / "helpers" / "kills.py"), *session.posargs)


def python(session: nox.Session, *arguments: str) -> None:
    """Run the Python of the shared environment, which is made when it is not there."""
    if not (SHARED / "pyvenv.cfg").exists():
        session.run(sys.executable, "-m", "venv", str(SHARED), external=True)
    session.run(str(BIN / "python"), *arguments, external=True)


def install(session: nox.Session, *arguments: str) -> None:
    """Install with pip into the shared environment."""
    python(session, "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check", *arguments)


def build_wheel(session: nox.Session) -> str:
    """The path of a wheel of this checkout, built from nothing: setuptools would ship what an old `build/` holds."""
    shutil.rmtree(ROOT / "build", ignore_errors=True)
    folder = Path(session.create_tmp()).resolve() / "wheel"
    shutil.rmtree(folder, ignore_errors=True)
    python(session, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    (built,) = folder.glob("*.whl")
    return str(built)


def check_smoke(session: nox.Session) -> None:
    """Run the suite `smoke` where the checkout cannot be imported; it should print the row of every cell."""
    folder = Path(session.create_tmp()).resolve() / "smoke"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    command = str(BIN / PROJECT["name"])
    with session.chdir(folder):
        printed = session.run(command, "run", "smoke", external=True, silent=True)
        leaderboard = session.run(command, "leaderboard", "runs/smoke", "--format", "json", external=True, silent=True)
    print(printed)
    rows = json.loads(leaderboard)["rows"]
    unprinted = [row["regularizer"] for row in rows if row["regularizer"] not in printed]
    if not rows or unprinted:
        session.error(f"`grokbench run smoke` should print {len(rows)} rows, at least one; missing: {unprinted}")


def check_new(session: nox.Session) -> None:
    """Write a plugin and a package from the templates that the wheel holds."""
    folder = Path(session.create_tmp()).resolve() / "new"
    shutil.rmtree(folder, ignore_errors=True)
    for options in ((), ("--package",)):
        command = (str(BIN / PROJECT["name"]), "new", "task", "brand_new", "--out", str(folder), *options)
        session.run(*command, external=True)
