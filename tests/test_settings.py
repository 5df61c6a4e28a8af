"""The settings file and the choice of a launcher: read strictly, and never a part of a suite."""

import pytest

from grokbench.errors import SuiteError
from grokbench.launchers.choice import Choice, choose
from grokbench.launchers.ray.launcher import RayLauncher
from grokbench.settings import Settings, load_settings, settings_file


@pytest.fixture
def write(tmp_path, monkeypatch):
    def written(text):
        monkeypatch.setenv("GROKBENCH_SETTINGS", str(tmp_path / "settings.yaml"))
        (tmp_path / "settings.yaml").write_text(text, encoding="utf-8")
        return tmp_path / "settings.yaml"

    return written


def test_settings(write):
    write("launcher: {name: ray, ray: {address: auto, cpus: 2, runtime_env: {env_vars: {A: b}}}}")
    found = load_settings().launcher
    assert (found.name, found.ray.address, found.ray.cpus, found.ray.retries) == ("ray", "auto", 2, 2)
    assert found.ray.runtime_env == {"env_vars": {"A": "b"}}


@pytest.mark.parametrize("text", ["", "# launcher: {name: ray}\n", "launcher: {}"])
def test_settings_that_say_nothing(write, text):
    write(text)
    assert load_settings() == Settings()


def test_the_file_is_in_the_users_configuration_and_may_be_missing(tmp_path, monkeypatch):
    monkeypatch.delenv("GROKBENCH_SETTINGS", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert settings_file() == tmp_path / "grokbench" / "settings.yaml" and load_settings() == Settings()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("launcher:\n  nam: ray", ":2:3: launcher.nam: an unknown key, expected one of name, "),
        ("launcher: {name: pbs}", ":1:18: launcher.name: the text 'pbs', expected 'local'"),
        ("launcher:\n  ray: {cpus: 0}", ":2:15: launcher.ray.cpus: the number 0, expected more than 0"),
        ("launcher:\n  ray: {adress: x}", "launcher.ray.adress: an unknown key, expected one of address, workers"),
        ("launcher: {slurm: {cpus: none}}", ":1:26: launcher.slurm.cpus: the text 'none', expected"),
        ("launcher: ray", ":1:11: launcher: the text 'ray', expected a mapping"),
        ("- launcher", ":1:1: the list ['launcher'], expected a mapping"),
    ],
)
def test_a_mistake_is_named_with_its_place(write, text, said):
    file = write(text)
    with pytest.raises(SuiteError) as error:
        load_settings()
    assert str(error.value).startswith(str(file)) and said in str(error.value)


def test_a_named_file_that_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("GROKBENCH_SETTINGS", str(tmp_path / "none.yaml"))
    with pytest.raises(SuiteError, match=r"\$GROKBENCH_SETTINGS: there is no file .*none.yaml; write it, or unset"):
        load_settings()


def test_the_option_comes_before_the_settings(write, tmp_path):
    write("launcher: {name: ray}")
    assert choose(None).name == "ray" and choose("local").name == "local"
    assert isinstance(choose(None).launcher((), None, tmp_path), RayLauncher)


def test_gpus_of_a_cluster_need_a_group_size(write, monkeypatch):
    write("launcher: {name: ray, ray: {address: auto}}")
    monkeypatch.setattr("grokbench.launchers.ray.devices.devices", lambda settings, choice: ("cuda:0", "cuda:0"))
    with pytest.raises(SuiteError, match="say with --group-size how many seeds of a cell train together"):
        choose(None).devices("cuda", None)
    assert choose(None).devices("cuda", 8) == ("cuda:0", "cuda:0")


def test_devices_of_this_machine_are_chosen_by_the_command(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert [Choice(name).devices("auto", None) for name in ("local", "ray")] == [None, None]


def test_the_devices_of_a_slurm_job(write):
    write("launcher: {name: slurm, slurm: {gpus: 2}}")
    assert choose(None).devices("auto", 8) == ("cuda:0", "cuda:0", "cuda:1", "cuda:1")
    with pytest.raises(SuiteError, match="say with --group-size how many"):
        choose(None).devices("cuda", None)
    with pytest.raises(SuiteError, match="--device cpu: the settings give a Slurm job GPUs; change `gpus`"):
        choose(None).devices("cpu", 8)


def test_only_slurm_goes_on_without_the_command(write):
    write("")
    with pytest.raises(SuiteError, match="--no-wait: only jobs of Slurm go on without the command; add --launcher"):
        choose(None, wait=False)
