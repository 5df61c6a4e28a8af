"""Text of others shows in Markdown as it is, and does nothing there; the rest of LaTeX is in `test_latex.py`."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from grokbench.text.escape import markdown

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
LETTERS = st.text(alphabet="ab_ *[]()~`|<>&\\#-+:!xé1", min_size=1, max_size=14)


def shown(source):
    """What a reader sees of each line and cell; AssertionError where anything in it acts."""
    for block in PARSER.parse(source):
        assert not block.type.startswith(("heading", "hr", "blockquote", "fence", "code", "html")), block
        if block.children:
            assert {part.type for part in block.children} <= {"text", "text_special"}, block.children
            yield "".join(part.content for part in block.children)


@settings(max_examples=500, deadline=None)
@given(LETTERS)
def test_no_markup_acts_in_a_line_or_a_cell(text):
    text = " ".join(text.split())
    written = markdown(text)
    assert [*shown(f"word {written}")] == [f"word {text}".strip()]
    assert [*shown(f"| h | k |\n|---|---|\n| a {written} | z |\n")] == ["h", "k", f"a {text}".strip(), "z"]


@pytest.mark.parametrize(
    "text", ["[x](http://e)", "[x]: http://e", "# x", "- x", "+ x", "_x_", "~~x~~", "![x](y)", "[x][x]", "<b>", "a|b"]
)
def test_no_markup_acts_at_the_beginning_of_an_entry(text):
    assert [*shown(f"- {markdown(text)}\n- {markdown(text)}")] == [text, text]


@pytest.mark.parametrize(
    "text", ["mnist_ce", "sam[rho=0.05]", "2.1x [1.8, 2.4]", "~1.5x", "> 1,000", "-", "test_accuracy > 0.8 (x)"]
)
def test_characters_without_meaning_in_markdown_stay_as_they_are(text):
    assert markdown(text) == text
