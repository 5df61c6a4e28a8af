"""The checks that a change must pass: `nox` runs all of them, `nox -s tests` one session.

torch takes several GB, so the sessions that need it share one environment, `.nox/shared`. `wheel` is the first of them,
while the environment contains only the dependencies that the wheel declares. One run of nox builds the wheel once, and
installs the checkout as an editable package once.
"""

import json
import os
import shutil
import sys
from pathlib import Path
from zipfile import ZipFile

import nox

ROOT = Path(__file__).parent
SHARED = ROOT / ".nox" / "shared"
BIN = SHARED / ("Scripts" if sys.platform == "win32" else "bin")
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")["project"]
SPLIT = ("-n", "auto", "--maxprocesses", "4", "--dist", "worksteal")  # one core for each worker of pytest
installed = ""  # "wheel" or "editable": how this run of nox has installed the checkout last

# Tests are last, so that pytest's summary ends the output.
nox.options.sessions = ["lint", "wheel", "types", "docs", "oracles", "tests"]


@nox.session
def lint(session: nox.Session) -> None:
    """Run ruff on the repository, in the version range of the extra `dev`."""
    session.install(*needs("dev", "ruff"))
    session.run("ruff", "check", ".")


@nox.session(venv_backend="none")
def wheel(session: nox.Session) -> None:
    """Check that the wheel has one top-level name, and that it runs a suite and writes a plugin in an empty folder."""
    built = build_wheel(session)
    names = {name.split("/")[0] for name in ZipFile(built).namelist()}
    claimed = {name for name in names if not name.endswith(".dist-info")}
    if claimed != {PROJECT["name"]}:
        session.error(f"the wheel should have one top-level name, {PROJECT['name']}; it has {sorted(claimed)}")
    install_wheel(session, built)
    check_smoke(session)
    check_new(session)


@nox.session(venv_backend="none")
def types(session: nox.Session) -> None:
    """Run mypy on the installed wheel, because only there is the folder `tasks` the package `grokbench.tasks`."""
    if installed != "wheel":
        install_wheel(session, build_wheel(session))
    install(session, *needs("dev", "mypy", "types-"))
    with session.chdir(session.create_tmp()):
        python(session, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), "-p", PROJECT["name"])


@nox.session(venv_backend="none")
def docs(session: nox.Session) -> None:
    """Build the documentation into `site/`; a warning is an error."""
    install_editable(session, "docs")
    shutil.rmtree(ROOT / "site", ignore_errors=True)
    python(session, "-P", "-m", "sphinx", "-W", "--keep-going", "-q", "-E", str(ROOT / "docs"), str(ROOT / "site"))


@nox.session(venv_backend="none")
def oracles(session: nox.Session) -> None:
    """Compare statistics and methods with independent implementations, and recompute `results/paper`."""
    install_editable(session, "test", "oracles")
    session.env["OMP_NUM_THREADS"] = "1"
    files = [f"tests/test_{name}.py" for name in ("stats_oracles", "recomputed", "method_oracles", "optimizer_oracles")]
    python(session, "-P", "-m", "pytest", "-m", "oracles", *SPLIT, *files)


@nox.session(venv_backend="none")
def tests(session: nox.Session) -> None:
    """Run pytest on an editable install, on at most four cores; `nox -s tests -- -k store` passes arguments to it."""
    install_editable(session, "test")
    session.env["OMP_NUM_THREADS"] = "1"
    python(session, "-P", "-m", "pytest", "-m", "not oracles and not long", *SPLIT, *session.posargs)


@nox.session(venv_backend="none")
def survival(session: nox.Session) -> None:
    """Kill runs at 200 fail-points and 40 random moments, about half an hour; an interrupted session continues.

    The results are in `.nox/survival.jsonl`; delete the file to begin again.
    """
    install(session, "--editable", f"{ROOT}[test]")
    session.env.update({"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "tests")})
    record = ("--record", str(ROOT / ".nox" / "survival.jsonl"))
    python(session, "-P", "-m", "helpers.survival", *record, *session.posargs)


@nox.session(venv_backend="none")
def misbehaviour(session: nox.Session) -> None:
    """Run suites with methods that hang, crash, exit or close what is not theirs, and kill a run: about six minutes."""
    install(session, "--editable", f"{ROOT}[test]")
    session.env["OMP_NUM_THREADS"] = "1"
    files = ("tests/test_misbehaving.py", "tests/test_accidents_processes.py")
    python(session, "-P", "-m", "pytest", "-m", "long", *files, *session.posargs)


@nox.session(venv_backend="none")
def conformance(session: nox.Session) -> None:
    """Check every shipped method on all trial tasks, which takes minutes; `tests` checks it on two of them."""
    install(session, "--editable", f"{ROOT}[test]")
    session.env["OMP_NUM_THREADS"] = "1"
    python(session, "-P", "-m", "pytest", "-m", "long", *SPLIT, "tests/test_conformance.py", *session.posargs)


@nox.session(venv_backend="none")
def compiled(session: nox.Session) -> None:
    """Compile steps and evaluations of shipped tasks and methods, about ten minutes; needs a C++ compiler."""
    install(session, "--editable", f"{ROOT}[test]")
    session.env["OMP_NUM_THREADS"] = "1"
    python(session, "-P", "-m", "pytest", "-m", "long", "tests/test_compiled.py", *session.posargs)


@nox.session(venv_backend="none")
def ray(session: nox.Session) -> None:
    """Run suites on the nodes of a Ray cluster on this machine, one of which is lost midway, some five minutes."""
    try:
        install(session, "--editable", f"{ROOT}[ray,test]")
    except nox.command.CommandFailed:
        session.skip("Ray cannot be installed here: it has no wheel for this Python or platform")
    session.env["OMP_NUM_THREADS"] = "1"
    python(session, "-P", "-m", "pytest", "-m", "long", "tests/test_ray.py", *session.posargs)


@nox.session(venv_backend="none")
def slurm(session: nox.Session) -> None:
    """Run a suite on a Slurm cluster of two nodes on this machine, one of which is lost midway, some five minutes."""
    path = os.environ["PATH"] + ":/usr/sbin"
    if not all(shutil.which(name, path=path) for name in ("slurmctld", "slurmd", "munged")):
        if not shutil.which("apt-get") or os.geteuid() != 0:
            session.skip(
                "there is no slurmctld, and only root on Debian can install it: apt-get install slurm-wlm munge"
            )
        try:
            session.run("apt-get", "install", "--yes", "--quiet", "slurm-wlm", "munge", external=True)
        except nox.command.CommandFailed:
            session.skip("apt-get cannot install slurm-wlm and munge here")
    install(session, "--editable", f"{ROOT}[slurm,test]")
    session.env["OMP_NUM_THREADS"] = "1"
    python(session, "-P", "-m", "pytest", "-m", "long", "tests/test_slurm.py", *session.posargs)


@nox.session(venv_backend="none")
def simulations(session: nox.Session) -> None:
    """Simulate error rates and scaling again, about four minutes; `nox -s simulations -- cadence` runs one."""
    install(session, "--editable", str(ROOT))
    session.env["OMP_NUM_THREADS"] = "1"
    python(session, "-m", "simulations", *session.posargs)


@nox.session(venv_backend="none")
def claims(session: nox.Session) -> None:
    """Train cut-down suites of the paper's figures and judge its claims on them, about half an hour on two cores.

    Then compare the whole page of the open leaderboard with the committed results.

    `nox -s claims -- figure3` trains one suite. The results are in `.nox/claims`; an interrupted session continues.
    """
    install(session, "--editable", f"{ROOT}[test]")
    session.env["OMP_NUM_THREADS"] = "1"
    python(session, "-m", "claims", "--out", str(ROOT / ".nox" / "claims"), *session.posargs)
    python(session, "-P", "-m", "pytest", "-m", "long", "tests/test_leaderboard_page.py")


@nox.session(venv_backend="none")
def fuzz(session: nox.Session) -> None:
    """Fuzz what reads files, a minute each; `nox -s fuzz -- manifests --seconds 600` fuzzes one reader for longer."""
    install(session, "--editable", f"{ROOT}[fuzz,tune]")
    session.env["OMP_NUM_THREADS"] = "1"
    python(session, "-m", "fuzzing", *session.posargs)


def python(session: nox.Session, *arguments: str) -> None:
    """Run the Python of the shared environment, which is created if it does not exist."""
    if not (SHARED / "pyvenv.cfg").exists():
        session.run(sys.executable, "-m", "venv", str(SHARED), external=True)
    session.run(str(BIN / "python"), *arguments, external=True)


def install(session: nox.Session, *arguments: str) -> None:
    """Install with pip into the shared environment."""
    python(session, "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check", *arguments)


def needs(extra: str, *names: str) -> list[str]:
    """Return the requirements of an extra, or those whose names begin like this."""
    return [need for need in PROJECT["optional-dependencies"][extra] if need.startswith(names or "")]


def install_wheel(session: nox.Session, built: str) -> None:
    """Install a wheel in place of whatever is installed, and its dependencies."""
    global installed
    install(session, "--force-reinstall", "--no-deps", built)
    install(session, built)
    installed = "wheel"


def install_editable(session: nox.Session, *extras: str) -> None:
    """Install the checkout so that edits show, unless this run of nox has done so, and the packages of extras."""
    global installed
    checkout = [] if installed == "editable" else ["--editable", str(ROOT)]
    wanted = [*checkout, *(need for extra in extras for need in needs(extra))]
    if wanted:
        install(session, *wanted)
    installed = "editable"


def build_wheel(session: nox.Session) -> str:
    """Build a wheel of this checkout and return its path; an old `build/` is deleted, as setuptools would ship it."""
    shutil.rmtree(ROOT / "build", ignore_errors=True)
    folder = Path(session.create_tmp()).resolve() / "wheel"
    shutil.rmtree(folder, ignore_errors=True)
    python(session, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    (built,) = folder.glob("*.whl")
    return str(built)


def check_smoke(session: nox.Session) -> None:
    """Run the suite `smoke` where the checkout cannot be imported, and check that the row of every cell is printed."""
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
        session.error(f"`grokbench run smoke` should print a row for each of {len(rows)} cells; missing: {unprinted}")


def check_new(session: nox.Session) -> None:
    """Write a plugin and a package from the templates in the wheel."""
    folder = Path(session.create_tmp()).resolve() / "new"
    shutil.rmtree(folder, ignore_errors=True)
    for options in ((), ("--package",)):
        command = (str(BIN / PROJECT["name"]), "new", "task", "brand_new", "--out", str(folder), *options)
        session.run(*command, external=True)
