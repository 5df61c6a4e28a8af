"""Digests of plugin sources: code and strings count, comments, docstrings and blank lines do not."""

import json

import pytest

from grokbench.plugins.digests import code_of, source_digests
from grokbench.records import Origin, origins_of

SAMPLE = '''\
# coding: utf-8
"""A sample."""

import math


class Shape:
    """A shape."""

    unit = "a # in a string"  # a comment

    def area(self, r: float) -> float:
        """The area: π r²."""
        return math.pi * r**2

    async def wait(self):
        """Wait."""
        def inner():
            "Inner."
            return 1
        return inner() + \\
            2


def empty():
    """Nothing but this."""


text = """two
  # lines, the second of which is no comment

and a blank one"""
shown = f"""{text} # {len(text)}

{text!r}"""
last = ("ä", 'é')  # nach dem letzten Wort
'''
EXPECTED = {1: "18bcce93caf51b23", 2: "c747876aff2cc703"}


def digests(tmp_path, source):
    file = tmp_path / "plugin.py"
    file.write_bytes(source if isinstance(source, bytes) else source.encode())
    return source_digests(file)


SAME = {
    "a comment": ("# a comment", "# another"),
    "no comment": ("  # a comment", ""),
    "a comment more": ("import math", "# here\nimport math  # and here"),
    "a comment with a quote in it": ("# a comment", "# isn't"),
    "the docstring of the module": ("A sample.", "An\n\n'example' # of one."),
    "the docstring of the class": ('"""A shape."""', "'A figure.'"),
    "the docstring of the method": ("The area: π r².", "Its area."),
    "the docstring of the coroutine": ("Wait.", "Wait for it."),
    "the docstring of the inner function": ('"Inner."', '("In" "ner.")  # in two parts'),
    "a docstring that is the whole body": ("Nothing but this.", "Nothing,\n    but this."),
    "no docstring": ('    """Wait."""\n', "\n"),
    "a blank line more": ("import math\n", "\n\nimport math\n   \n"),
    "a blank line less": ("import math\n\n\n", "import math\n"),
    "trailing blanks": ("import math\n", "import math \t\n"),
    "blanks before a comment": ("  # a comment", "     # a comment"),
    "line ends of Windows": ("\n", "\r\n"),
    "another comment on the encoding": ("coding: utf-8", "-*- coding: UTF-8 -*-"),
    "no newline at the end": ("# nach dem letzten Wort\n", ""),
}
OTHER = {
    "a name": ("unit", "units"),
    "a number": ("r**2", "r**3"),
    "an operator": ("math.pi * r", "math.pi + r"),
    "a string": ("a # in a string", "a # in a text"),
    "a string after the docstring": ('        """Wait."""', '        """Wait."""\n        "For it."'),
    "a comment in a string": ("# lines, the", "# the"),
    "a blank line in a string": ("comment\n\nand", "comment\nand"),
    "trailing blanks in a string": ('"""two\n', '"""two \n'),
    "a comment in an f-string": ("{text} # {", "{text} {"),
    "a blank line in an f-string": ("}\n\n{text!r}", "}\n{text!r}"),
    "an indentation": ("        return math.pi", "            return math.pi"),
    "a line continuation": ("inner() + \\\n            2", "inner() + 2"),
    "a docstring that becomes an f-string": ('"""Wait."""', 'f"""Wait."""'),
    "a docstring that becomes bytes": ('"""Wait."""', 'b"""Wait."""'),
    "a docstring that is assigned": ('"Inner."', 'x = "Inner."'),
}


@pytest.mark.parametrize("change", SAME)
def test_the_digest_stays_with(tmp_path, change):
    old, new = SAME[change]
    before, after = digests(tmp_path, SAMPLE), digests(tmp_path, SAMPLE.replace(old, new))
    assert old in SAMPLE and before[2] == after[2] and before[1] != after[1]


@pytest.mark.parametrize("change", OTHER)
def test_the_digest_changes_with(tmp_path, change):
    old, new = OTHER[change]
    source = SAMPLE.replace(old, new)
    if change == "an indentation":  # of a block that stays one
        source = source.replace('        """The area: π r²."""\n', "        if True:\n")
    before, after = digests(tmp_path, SAMPLE), digests(tmp_path, source)
    assert old in SAMPLE and before[2] != after[2] and before[1] != after[1]


def test_the_digest_of_a_fixed_source_is_the_same_everywhere(tmp_path):
    assert digests(tmp_path, SAMPLE) == EXPECTED


def test_what_is_left_of_a_source():
    assert code_of(SAMPLE.encode()).replace("\0", "\n") == (
        'import math\nclass Shape:\n    unit = "a # in a string"\n'
        "    def area(self, r: float) -> float:\n        return math.pi * r**2\n"
        "    async def wait(self):\n        def inner():\n            return 1\n"
        "        return inner() + \\\n            2\ndef empty():\n"
        'text = """two\n  # lines, the second of which is no comment\n\nand a blank one"""\n'
        'shown = f"""{text} # {len(text)}\n\n{text!r}"""\nlast = ("ä", \'é\')'
    )


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8-sig"])
def test_the_digest_is_of_the_text_in_any_encoding(tmp_path, encoding):
    plain = "# coding: utf-8\nname = 'ä'  # ö\n"
    other = plain.replace("utf-8", encoding) if encoding == "latin-1" else plain
    assert digests(tmp_path, plain)[2] == digests(tmp_path, other.encode(encoding))[2]


@pytest.mark.parametrize("source", [b"", b"# only a comment", b'"""Only a docstring."""', b"\n\n  \n", b"\xef\xbb\xbf"])
def test_a_source_without_code(tmp_path, source):
    assert digests(tmp_path, source)[2] == digests(tmp_path, "")[2]


@pytest.mark.parametrize("source", [b"def f(:", b"'", b"x = '\xff'", b"# coding: klingon\n", b"x = '\0'"])
def test_what_is_no_python_has_no_digest(tmp_path, source):
    with pytest.raises((SyntaxError, ValueError)):
        digests(tmp_path, source)


@pytest.fixture
def plugin(tmp_path):
    (tmp_path / "method.py").write_text("from . import _a\nfrom .absent.deep import x\nfrom ._b import y\n")
    (tmp_path / "_a.py").write_text("from ._c import z\n")
    (tmp_path / "_b.py").write_text("from .method import w\n")  # a circle does no harm
    (tmp_path / "_c.py").write_text("z = 1\n")
    (tmp_path / "unrelated.py").write_text("u = 1\n")
    return tmp_path / "method.py"


def test_the_digests_are_those_of_the_file_and_the_siblings_it_imports(plugin, tmp_path):
    before = source_digests(plugin)
    assert before == source_digests(str(plugin)) and {len(digest) for digest in before.values()} == {16}
    (tmp_path / "unrelated.py").write_text("u = 2\n")
    assert source_digests(plugin) == before
    for sibling in ("_a.py", "_b.py", "_c.py", "method.py"):
        for line, versions in (("# changed\n", [1]), ("changed = 1\n", [1, 2])):
            (tmp_path / sibling).write_text((tmp_path / sibling).read_text() + line)
            after = source_digests(plugin)
            assert [version for version in before if before[version] != after[version]] == versions
            before = after


def test_the_digests_do_not_depend_on_the_folder(plugin, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("method.py", "_a.py", "_b.py", "_c.py"):
        (elsewhere / name).write_bytes((tmp_path / name).read_bytes())
    assert source_digests(elsewhere / "method.py") == source_digests(plugin)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        source_digests(tmp_path / "absent.py")


# ---- origins


BOTH = {1: "11", 2: "22"}
TEXTS = {  # what earlier versions stored -> what it means
    "built in, sha256 11": Origin("built_in", digests={1: "11"}),
    "package clipping 1.2, sha256 11": Origin("package", "clipping", "1.2", {1: "11"}),
    "file mine.py, sha256 11": Origin("file", "mine.py", digests={1: "11"}),
    "file a, sha256 b.py, sha256 11": Origin("file", "a, sha256 b.py", digests={1: "11"}),
    "built in": Origin("built_in"),
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_stored_text_is_understood_and_written_as_it_was(text):
    (found,) = origins_of({"origins": {"tasks.xor": text}}).values()
    assert found == TEXTS[text] and found.with_digest == text


@pytest.mark.parametrize("origin", [*TEXTS.values(), Origin("file", "mine.py", digests=BOTH)])
def test_an_origin_comes_back_from_its_data(origin):
    stored = json.loads(json.dumps({"origins": {"tasks.xor": origin.data()}}))
    assert origins_of(stored) == {"tasks.xor": origin}


@pytest.mark.parametrize("stored", [{}, {"origins": None}, {"origins": 3}, {"origins": {"a": {"kind": "other"}}}])
def test_origins_that_cannot_be_read_are_none(stored):
    assert origins_of(stored) == {}


@pytest.mark.parametrize(
    ("a", "b", "agree"),
    [
        (BOTH, BOTH, True),
        (BOTH, {1: "11"}, True),  # stored by an earlier version
        (BOTH, {1: "12"}, False),
        (BOTH, {1: "12", 2: "22"}, True),  # only prose was edited
        (BOTH, {1: "11", 2: "23"}, False),
        ({1: "11"}, {2: "22"}, False),
        ({}, {}, True),
        (BOTH, {}, False),
    ],
)
def test_origins_agree_by_the_newest_digest_that_both_hold(a, b, agree):
    one, other = Origin("file", "mine.py", digests=a), Origin("file", "mine.py", digests=b)
    assert one.agrees_with(other) is other.agrees_with(one) is agree


def test_origins_of_other_providers_do_not_agree():
    package = Origin("package", "clipping", "1.2", BOTH)
    for other in (Origin("package", "clipping", "1.3", BOTH), Origin("file", "clipping", digests=BOTH)):
        assert not package.agrees_with(other)
