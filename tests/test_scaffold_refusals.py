"""What grokbench new refuses, in one sentence, and that what is there is kept."""

import pytest

from .helpers.tiny import grokbench


def refused(folder, *arguments):
    """The one message of a command that is refused and writes nothing."""
    before = sources(folder)
    done = grokbench("new", *arguments, "--out", folder)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("Error: ") and len(done.err.splitlines()) == 1
    assert sources(folder) == before
    return done.err


def sources(folder):
    """What is written there, but for what Python compiles of it."""
    files = [file for file in folder.rglob("*") if file.is_file() and file.suffix != ".pyc"]
    return {file: file.read_bytes() for file in files}


@pytest.mark.parametrize("options", [(), ("--package",)])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("SoftClip", "'SoftClip' cannot name a regularizer: expected lower-case words joined by underscores, such as "
         "'soft_clip'; choose another name"),
        ("soft-clip", "such as 'soft_clip'"),
        ("2nd", "'2nd' cannot name a regularizer"),
        ("_soft", "such as 'soft'"),
        ("été", "'été' cannot name a regularizer"),
        ("../soft", "'../soft' cannot name a regularizer"),
        ("", "'' cannot name a regularizer"),
        ("class", "'class' is a word of the Python language; choose another name"),
        ("transform", "'transform' is a word that the new file itself uses; choose another name"),
        ("pytest", "'pytest' is a word that the new file itself uses"),
        ("json", "there is a Python module 'json' already, which json.py would hide from the files beside it"),
        ("grokalign", "there is a regularizer 'grokalign' already (built in); choose another name"),
        ("xor", "there is a task 'xor' already (built in); choose another name"),
    ],
)  # fmt: skip
def test_invalid_names_are_refused(tmp_path, name, said, options):
    assert said in refused(tmp_path, "regularizer", name, *options)


@pytest.mark.parametrize("there", ["brand_new_method.py", "test_brand_new_method.py"])
def test_a_file_that_is_there_is_kept(tmp_path, there):
    (tmp_path / there).write_text("mine")
    said = f"{tmp_path / there} exists already: choose another name, or another folder with --out."
    assert said in refused(tmp_path, "regularizer", "brand_new_method")


def test_a_package_that_is_there_is_kept(tmp_path):
    project = tmp_path / "grokbench-brand-new-method"
    project.mkdir()
    (project / "README.md").write_text("mine")
    assert f"{project} exists already" in refused(tmp_path, "regularizer", "brand_new_method", "--package")


def test_a_folder_that_cannot_be_is_said(tmp_path):
    (tmp_path / "file").write_text("mine")
    done = grokbench("new", "task", "brand_new_task", "--out", tmp_path / "file" / "below")
    assert done.status == 2 and done.err.startswith("Error: ") and "cannot be written (Not a directory)" in done.err
