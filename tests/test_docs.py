"""Every command and every code block of the documentation is typed as a reader would, in an empty folder.

`short_cli.py` says how much less is trained; a block in the language `text` is not typed.
"""

import re
from itertools import pairwise

import pytest
from markdown_it import MarkdownIt

from .helpers.documentation_pages import ROOT, Block, Reader, blocks

METHODS_PAGE = ROOT / "docs" / "write_a_regularizer.md"
METHODS = ("agreement", "logit_squeezing", "steady_ascent")  # a gradient filter, a penalty, a second gradient
PAGES = [ROOT / "README.md", *sorted(page for page in (ROOT / "docs").glob("*.md") if page != METHODS_PAGE)]
OURS = "grokbench|tasks|regularizers|metrics|suites|tests|benchmarks|docs"  # folders that a checkout has
WITH_BLOCKS = [page for page in PAGES if blocks(page)]


@pytest.fixture(scope="module")
def quick_runs(tmp_path_factory):
    """`runs/quick` and `runs/hello` as the first command of most pages leaves them, so that they are trained once."""
    folder = tmp_path_factory.mktemp("quick")
    reader = Reader(folder)
    reader.type(Block(0, "sh", "grokbench run quick\ngrokbench run hello", None))
    return folder / "runs"


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=[page.stem for page in WITH_BLOCKS])
def test_the_blocks_of_a_page_work(page, quick_runs, tmp_path):
    reader = Reader(tmp_path, quick_runs)
    for block in blocks(page):
        reader.type(block)


def test_methods_go_from_the_idea_to_a_row_of_quick(quick_runs, tmp_path):
    reader = Reader(tmp_path, quick_runs)
    for block in blocks(METHODS_PAGE):
        said = reader.type(block)
        if "--with" in block.text and block.language == "sh":
            name = block.text.split()[-1]
            assert re.search(rf"^{name}( [*+@]+)? +\d/2 ", said, re.M) and re.search(r"^baseline +\d/2 ", said, re.M)


def test_a_method_takes_at_most_five_commands_and_forty_lines():
    assert len(METHODS_PAGE.read_text(encoding="utf-8").split()) < 800
    found = blocks(METHODS_PAGE)
    files = {block.file: block.text for block in found if block.file}
    assert set(files) == {f"{name}.py" for name in METHODS}
    assert all(len(text.splitlines()) <= 40 for text in files.values())
    commands = [line for block in found if block.language == "sh" for line in block.text.splitlines()]
    for name in METHODS:
        assert sum(name in command for command in commands) + len(["pip install"]) <= 5


@pytest.mark.parametrize(
    "wrong",
    ["grokbench show nothing", "grokbench run quick --nonsense", "false\ntrue", "true && grokbench show nothing  # a"],
)
def test_a_command_that_fails_fails_its_page(tmp_path, wrong):
    with pytest.raises(AssertionError):
        Reader(tmp_path).type(Block(1, "sh", wrong, None))


def test_the_file_of_a_block_is_named_before_it(tmp_path):
    page = tmp_path / "page.md"
    text = "Here, as `a.py`:\n\n```python\nx\n```\n\nNot `b.py` here.\n\n```sh\ny\n```\n\n```{toctree}\nz\n```\n"
    page.write_text(text)
    assert blocks(page) == [Block(3, "python", "x\n", "a.py"), Block(9, "sh", "y\n", None)]


@pytest.mark.parametrize("block", [Block(1, "yaml", "tasks: {a: {use: nothing}}", None), Block(1, "pascal", "", None)])
def test_a_block_that_nobody_could_use_is_found(tmp_path, block):
    with pytest.raises(AssertionError):
        Reader(tmp_path).type(block)


@pytest.mark.parametrize("page", [*PAGES, METHODS_PAGE, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_the_files_that_a_page_names_are_there(page):
    named = re.findall(rf"`((?:{OURS})/[\w/.-]*)`", page.read_text(encoding="utf-8"))
    assert not [path for path in named if not (ROOT / path).exists()]


@pytest.mark.parametrize("page", [*PAGES, METHODS_PAGE], ids=lambda page: page.name)
def test_the_headings_that_a_page_links_to_are_there(page):
    links = re.findall(r"\]\(([\w./]*\.md)?#([^)\s]+)\)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if link[1] not in anchors(page.parent / link[0] if link[0] else page)]


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    headings = [after.content for token, after in pairwise(tokens) if token.type == "heading_open"]
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
