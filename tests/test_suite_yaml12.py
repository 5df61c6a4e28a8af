"""The YAML reader: 1.2 scalars, places, and refusals of everything that is not plain data."""

import math
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokbench.errors import SuiteError
from grokbench.suite import yaml12
from grokbench.suite.problems import Problem, dotted, listing
from grokbench.suite.yaml12 import MAX_BYTES, parse, plain_scalar, read
from grokbench.suite.yaml_composer import MAX_DEPTH, MAX_NODES
from grokbench.text.suggest import did_you_mean, sentences, shown


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001), ("1.", 1.0), (".5", 0.5), ("-.5e1", -5.0), ("010", 10), ("+7", 7), ("0x1F", 31), ("0o17", 15),
        ("~", None), ("null", None), ("", None), ("true", True), ("FALSE", False), ("-.inf", -math.inf),
        ("no", "no"), ("on", "on"), ("yes", "yes"), ("off", "off"), ("y", "y"), ("1:30", "1:30"), ("1_000", "1_000"),
        ("0b11", "0b11"), ("2024-01-31", "2024-01-31"), ("1e", "1e"), ("=", "="), ("nan", "nan"), ("tRue", "tRue"),
        ("\N{ARABIC-INDIC DIGIT ONE}", "\N{ARABIC-INDIC DIGIT ONE}"), ("-0x1F", "-0x1F"), ("0o8", "0o8"),
    ],
)  # fmt: skip
def test_scalars_follow_the_core_schema_of_yaml_1_2(text, value):
    found = plain_scalar(text)
    assert found == value and type(found) is type(value)


def test_nan_is_a_float():
    assert math.isnan(plain_scalar(".NaN"))


def test_quoted_and_block_scalars_are_text():
    assert parse("a: '1'\nb: \"no\"\nc: |\n  2\n", "s.yaml").data == {"a": "1", "b": "no", "c": "2\n"}


def test_places_of_keys_and_values_count_from_one():
    document = parse("a: 1\nb:\n  - x\n  - {c: 2}\n", "s.yaml")
    assert document.where(("b", 1, "c")) == "s.yaml:4:6"
    assert document.where(("b", 1, "c"), at_key=False) == "s.yaml:4:9"
    assert document.where(("b", 0)) == "s.yaml:3:5"
    assert document.where(("b", 1, "nowhere", "deep")) == "s.yaml:4:5"
    assert document.where(("nowhere",)) == "s.yaml:1:1"


@pytest.mark.parametrize(
    ("text", "place", "phrase"),
    [
        ("a: &x 1", "1:4", "the anchor '&x', expected data without anchors"),
        ("a: &x 1\nb: *x", "2:4", "the alias '*x', expected the value itself"),
        ("a: !!python/object:os.system {}", "1:4", "the tag '!!python/object:os.system', expected data without tags"),
        ("a: ! 1", "1:4", "the tag '!', expected data without tags"),
        ("a: 1\na: 2", "2:1", "a second 'a', the first is in line 1, expected every key once"),
        ("a: {b: 1, b: 2}", "1:11", "a.b: a second 'b'"),
        ("b: {<<: {a: 1}}", "1:5", "the merge key '<<', expected the keys themselves"),
        ("12: a", "1:1", 'the key 12 is not text, expected it in quotes: "12"'),
        ("true: a", "1:1", 'expected it in quotes: "true"'),
        ("~: a", "1:1", "the key ~ is not text, expected it in quotes"),
        ("? [a]\n: 1", "1:3", "a key that is a list or a mapping, expected text"),
        ("a: " + "9" * 5000, "1:4", "a number of 5000 digits, expected at most 100"),
        ('a: "\\ud800"', "1:4", "an escape that does not stand for a Unicode character"),
    ],
)
def test_values_that_are_not_plain_data_are_noted_with_their_place(text, place, phrase):
    document = parse(text, "s.yaml")
    assert any(line.startswith(f"s.yaml:{place}: ") and phrase in line for line in
               listing("s.yaml", document.problems).splitlines())  # fmt: skip


@pytest.mark.parametrize(
    ("text", "place", "phrase"),
    [
        ("", "1:1", "the file is empty, expected a suite"),
        ("# only a comment\n", "1:1", "the file is empty"),
        ("a:\n\tb: 1", "2:1", "a tab, expected spaces"),
        ("a: {b: 1\nc: 2", "2:2", "expected a comma or a closing }"),
        ("a: [1, 2", "1:9", "expected a comma or a closing ]"),
        ("a: 'b", "1:4", "the file ends within a quoted text"),
        ("a: b: c", "1:5", "a colon that starts a value here"),
        ("a: 1\nb", "2:1", "a line without a colon, expected 'key: value'"),
        ("a: 1\n  b: 2", "2:4", "a colon that starts a value here"),
        ("- a\nb: 1", "2:1", "expected the indentation of its neighbours"),
        ("a: > 0.80", "1:6", 'expected quotes: "> 0.80"'),
        ("a: >= 0.80", "1:5", 'expected quotes: "> 0.80"'),
        ("{a: > 0.80}", "1:5", "text that begins with >, expected it in quotes"),
        ("a: @b", "1:4", "text that begins with @, expected it in quotes"),
        ('a: "\\q"', "1:6", "an unknown escape"),
        ('a: "\\UFFFFFFFF"', "1:7", "an escape that does not stand for a Unicode character"),
        ("a: 1\n---\nb: 2", "2:1", "a second document, expected one suite in one file"),
        ("a: *x", "1:4", "the alias '*x'"),
        ("a: \x07", "1:4", "the character U+0007 is not allowed in a suite"),
        ("a: b\u2028c: d", "1:5", "the character U+2028 is not allowed in a suite"),
        ("[" * 1000, "1:21", f"more than {MAX_DEPTH} levels of nesting"),
        ("- 1\n" * (MAX_NODES + 5), "5000:3", f"more than {MAX_NODES} values"),
        ("a: !<x", "1:7", "this is not YAML: "),
    ],
)
def test_a_syntax_error_is_one_sentence_with_its_place(text, place, phrase):
    with pytest.raises(SuiteError) as caught:
        document = parse(text, "s.yaml")
        raise SuiteError(listing("s.yaml", document.problems))
    assert re.match(rf"s\.yaml:{place}: ", str(caught.value)), str(caught.value)
    assert phrase in str(caught.value)


def test_problems_before_a_syntax_error_are_told_too():
    with pytest.raises(SuiteError) as caught:
        parse("a: &x 1\nb: [", "s.yaml")
    assert len(str(caught.value).splitlines()) == 2


def test_a_missing_file_a_folder_and_a_device_are_refused(tmp_path):
    for path, phrase in [
        (tmp_path / "none.yaml", "cannot be read (No such file or directory)"),
        (tmp_path, "this is a folder, expected a suite file"),
        (os.devnull, "this is not an ordinary file"),
        (tmp_path / ("x" * 300 + ".yaml"), "cannot be read (File name too long)"),
    ]:
        with pytest.raises(SuiteError, match=re.escape(phrase)):
            read(path)


def test_bytes_that_are_not_utf_8_have_a_place(tmp_path):
    file = tmp_path / "s.yaml"
    file.write_bytes("a: 1\nü: ".encode() + b"\xff")
    with pytest.raises(SuiteError, match=r"s\.yaml:2:4: the byte 0xff is not UTF-8, expected the file saved as UTF-8"):
        read(file)


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path):
    file = tmp_path / "s.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1")
    assert read(file).data == {"a": 1}


def test_ten_megabytes_are_refused_before_they_are_read_or_parsed(tmp_path, monkeypatch):
    file = tmp_path / "s.yaml"
    file.write_bytes(b"a: 1\n" * 2_000_000)
    monkeypatch.setattr(yaml12, "parse", lambda *given: pytest.fail("it is parsed"))
    with pytest.raises(SuiteError, match=f"more than {MAX_BYTES} bytes"):
        read(file)
    assert len(yaml12._read_bytes(file)) == MAX_BYTES + 1


@given(st.text(alphabet="ab:-[]{}&*!#|>'\"\\ \n\tu0<?,%@", max_size=60))
def test_no_text_breaks_the_reader(text):
    try:
        parse(text, "s.yaml")
    except SuiteError as error:
        assert str(error).startswith("s.yaml:")


def test_listing_is_in_the_order_of_the_file_and_ends():
    problems = [Problem(("a", i, "b c"), "wrong", (60 - i, 1)) for i in range(60)]
    lines = listing("s.yaml", problems).splitlines()
    assert lines[0] == 's.yaml:1:1: a[59]."b c": wrong'
    assert lines[-1] == "s.yaml: and more like these" and len(lines) == 51


def test_values_and_paths_in_words():
    shown_values = [shown(value) for value in (None, True, 1.5, [], {})]
    assert shown_values == ["nothing", "true", "the number 1.5", "the list []", "the mapping {}"]
    assert len(shown("x" * 1000)) < 80
    assert dotted(("skip", 0, "why")) == "skip[0].why"


def test_the_nearest_name_is_offered_and_an_odd_letter_named():
    assert did_you_mean("grokalgin", ["grokalign", "orthograd"]) == ". Did you mean 'grokalign'?"
    assert "CYRILLIC SMALL LETTER A" in did_you_mean("t\N{CYRILLIC SMALL LETTER A}sks", ["tasks"])
    assert did_you_mean("nothing like it", ["tasks"]) == ""


def test_sentences_are_joined_by_one_mark_each():
    assert sentences("no x. Did you mean 'y'?", "expected z", "list them") == (
        "no x. Did you mean 'y'? Expected z. List them"
    )
