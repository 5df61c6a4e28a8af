"""`grokbench doctor`: what it says of a sound machine, and of everything that can be broken."""

import importlib.metadata
import json
import subprocess
import sys
import warnings
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from grokbench.doctor import checks, hardware
from grokbench.doctor.finding import BAD, NOTE, OK

from .helpers import tiny


@pytest.fixture(autouse=True)
def empty(tmp_path, monkeypatch):
    """No data, no plugins of other packages, and nothing in the present folder."""
    entry_points = importlib.metadata.entry_points
    monkeypatch.setenv("GROKBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)

    def others(**asked):
        return () if asked == {"group": "grokbench"} else entry_points(**asked)

    monkeypatch.setattr("importlib.metadata.entry_points", others)
    return tmp_path


def found(about, **asked):
    """(state, text, remedy) of a section."""
    return [(f.state, f.text, f.remedy) for f in checks.checkup(**asked) if f.about == about]


def with_versions(monkeypatch, **there):
    """Other versions of some packages; None: not installed."""
    installed = checks.version

    def version(package):
        if there.get(package, "") is None:
            raise PackageNotFoundError(package)
        return there.get(package) or installed(package)

    monkeypatch.setattr(checks, "version", version)


def test_a_sound_machine_on_one_page():
    done = tiny.grokbench("doctor")
    assert done.status == 0 and not done.err
    lines = done.out.splitlines()
    assert len(lines) <= 40
    assert [line for line in lines if line and not line.startswith(" ")] == [
        "versions", "devices", "data", "plugins", "results", "Nothing is broken.",
    ]  # fmt: skip
    assert f"torch {torch.__version__.split('+')[0]}" in done.out and "pluggy" in done.out
    assert "BAD" not in done.out and "  ok  built in: " in done.out
    assert not any(file.name == "runs" for file in Path().iterdir())  # nothing was made


def test_json_for_programs_and_status_1_when_something_is_broken():
    tiny.write(Path(), "import no_such_module\n", "broken.py")
    done = tiny.grokbench("doctor", "--format", "json", "--plugin", "broken.py")
    told = json.loads(done.out)
    assert done.status == 1 and told["sound"] is False
    (bad,) = [finding for finding in told["findings"] if finding["state"] == "bad"]
    assert bad["about"] == "plugins"
    advice = "which is not installed here: pip install no_such_module (line 1)"
    assert bad["text"] == (
        f"file broken.py is left out: ModuleNotFoundError: No module named 'no_such_module', {advice}"
    )


def test_a_broken_thing_looks_different_and_is_counted():
    tiny.write(Path(), "import no_such_module\n", "broken.py")
    done = tiny.grokbench("doctor", "--plugin", "broken.py", "--out", "broken.py/runs")
    assert done.status == 1
    assert "  BAD file broken.py is left out: ModuleNotFoundError" in done.out
    assert "broken.py/runs cannot be written (Not a directory)\n      to do: choose another folder: --out" in done.out
    assert done.out.endswith("\nBroken: 2, marked BAD.\n")


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ({"torch": "2.5.1+cpu"}, "torch 2.5.1+cpu is too old: GrokBench needs 2.6"),
        ({"torch": None}, "torch is not installed"),
        ({"click": "8.0.4"}, "click 8.0.4 is too old: GrokBench needs 8.1"),
    ],
)
def test_a_package_that_is_old_or_not_there(monkeypatch, there, said):
    with_versions(monkeypatch, **there)
    (package,) = there
    least = checks.requirements()[package]
    assert (BAD, said, f"pip install '{package}>={least}'") in found("versions")
    assert found("plugins") == [(NOTE, "not checked, since they need the packages above", "")]


def test_the_versions_needed_are_those_of_the_package():
    needed = checks.requirements()
    assert needed["torch"] == "2.6" and "numpy" in needed and "pytest" not in needed
    assert checks._release("2.10.1+cu130") > checks._release("2.6") > checks._release("2.5.99")


def test_a_library_that_does_not_fit(monkeypatch):
    def broken(name):
        if name == "torchvision":
            raise RuntimeError("operator torchvision::nms does not exist\nmore")

    monkeypatch.setattr(checks.importlib, "import_module", broken)
    (bad,) = [text for state, text, _ in found("versions") if state == BAD]
    assert bad.endswith("cannot be imported: RuntimeError: operator torchvision::nms does not exist")


def test_a_program_that_is_not_installed(monkeypatch):
    def unknown(package):
        raise PackageNotFoundError(package)

    monkeypatch.setattr(checks, "requires", unknown)
    assert (BAD, "grokbench is not installed, so its requirements are unknown", "pip install .") in found("versions")


def test_data_is_found_or_noted_with_what_to_do(empty):
    (state, text, remedy) = found("data")[0]
    assert (state, text) == (NOTE, f"mnist is not in {empty / 'data' / 'MNIST' / 'raw'}")
    assert remedy.startswith("grokbench data fetch mnist")
    assert found("data")[1][0] == NOTE
    (empty / "data").mkdir()
    (empty / "data" / "cifar10.npz").touch()
    (state, text, remedy) = found("data")[1]
    assert (state, text) == (BAD, f"cifar10 in {empty / 'data'}: damaged") and "cifar10.npz is damaged" in remedy


def test_data_are_not_read_without_the_packages_that_it_takes(empty, monkeypatch):
    (empty / "data").mkdir()
    (empty / "data" / "cifar10.npz").touch()
    with_versions(monkeypatch, torch=None)
    assert found("data")[1] == (OK, f"cifar10 in {empty / 'data'}", "")


def test_plugins_and_where_they_came_from():
    plugin = tiny.write(Path(), tiny.PLUGIN, "mine.py")
    builtin, mine = found("plugins", plugins=[str(plugin)])
    assert builtin[0] == OK and builtin[1].startswith("built in: ") and " regularizers, " in builtin[1]
    assert mine == (OK, "file mine.py: regularizers steady, raises, dies", "")


def test_a_name_with_two_providers():
    files = [str(tiny.write(Path(), tiny.PLUGIN, name)) for name in ("one.py", "two.py")]
    ((state, text, _),) = found("plugins", plugins=files)
    assert state == BAD and "two regularizers are named 'steady': one from file one.py, one from file two.py" in text


def test_the_results_folder_is_checked(empty):
    ((state, text, _),) = found("results", results="deep/er/runs")
    assert state == OK and text.startswith(f"{empty / 'deep' / 'er' / 'runs'} can be written, ")
    assert not (empty / "deep").exists()


def test_a_place_where_nothing_can_be_written(empty, monkeypatch):
    def refused(dir):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(checks.tempfile, "TemporaryFile", refused)
    said = f"{empty / 'runs'} cannot be written (Permission denied)"
    assert found("results") == [(BAD, said, "choose another folder: --out")]


def test_memory_is_told(tmp_path):
    assert hardware.memory(tmp_path).startswith("memory: ") and "free" not in hardware.memory(tmp_path)  # no such file
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "meminfo").write_text(
        "MemTotal:       16777216 kB\nMemFree: 1 kB\nMemAvailable:    4194304 kB\nHugePages_Total:       0\n"
    )
    assert hardware.memory(tmp_path) == "memory: 16.0 GiB (all of the machine), 4.0 GiB free on the machine"


def cuda(monkeypatch, available=True, built="12.4", warning=None, error=None):
    """What is said where torch's CUDA is as given."""

    def is_available():
        if warning:
            warnings.warn(warning, stacklevel=2)
        return available

    def ones(*shape, device):
        if error:
            raise RuntimeError(error)
        return SimpleNamespace(sum=lambda: SimpleNamespace(item=lambda: 2.0))

    facts = SimpleNamespace(name="NVIDIA A100", total_memory=40 * 2**30, major=8, minor=0)
    monkeypatch.setattr(torch.version, "cuda", built)
    monkeypatch.setattr(torch, "__version__", "2.9.0")
    monkeypatch.setattr(torch, "ones", ones)
    monkeypatch.setattr(
        torch,
        "cuda",
        SimpleNamespace(
            is_available=is_available,
            device_count=lambda: 2,
            get_device_properties=lambda index: facts,
            mem_get_info=lambda index: (30 * 2**30, 40 * 2**30),
        ),
    )
    monkeypatch.setattr(hardware, "_driver", lambda: "550.54.15")
    return [(finding.state, finding.text) for finding in hardware.cuda()]


def test_every_cuda_device_is_described(monkeypatch):
    first, second = cuda(monkeypatch)
    said = "cuda:0: NVIDIA A100, 40.0 GiB, capability 8.0, 30.0 GiB free, driver 550.54.15"
    assert first == (OK, said) and second[1].startswith("cuda:1: ")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"built": None}, (NOTE, "no CUDA: torch 2.9.0 was built without it")),
        (
            {"available": False},
            (NOTE, "no CUDA device: torch 2.9.0 was built with CUDA 12.4 and finds no driver or no device"),
        ),
        (
            {"available": False, "warning": "The NVIDIA driver is too old\nmore"},
            (
                BAD,
                "no CUDA device can be used: The NVIDIA driver is too old (torch 2.9.0 was built with CUDA 12.4)",
            ),
        ),
    ],
)
def test_a_missing_cuda_device_is_explained_in_one_line(monkeypatch, how, said):
    assert cuda(monkeypatch, **how) == [said]


def test_a_device_that_does_not_compute(monkeypatch):
    first, _ = cuda(monkeypatch, error="CUDA error: no kernel image is available\nmore")
    fault = "does not compute: CUDA error: no kernel image is available"
    assert first == (BAD, f"cuda:0: NVIDIA A100, 40.0 GiB, capability 8.0, {fault}")


def test_the_driver_is_read_from_its_module(tmp_path, monkeypatch):
    file = tmp_path / "version"
    monkeypatch.setattr(hardware, "Path", lambda name: file)
    assert hardware._driver() == "unknown"
    file.write_text(
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.15  Release Build\nGCC version: 12.2.0\n"
    )
    assert hardware._driver() == "550.54.15"


def test_the_doctor_reports_without_torch(tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('libcudart.so.13: cannot open shared object file')\n")
    code = "import sys; sys.argv = ['grokbench', 'doctor']; from grokbench.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and not done.stderr
    assert "cannot be imported: ImportError: libcudart.so.13: cannot open shared object file" in done.stdout
