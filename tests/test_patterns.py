"""Every regular expression of the program takes time linear in the text, whatever the text is."""

import ast
import importlib
import re
import re._parser as parser
import time
from functools import cache
from itertools import product

import pytest

from .helpers.documentation_pages import ROOT

FOLDERS = ("grokbench", "tasks", "metrics", "regularizers")
ANYWHERE = {"search", "sub", "subn", "split", "findall", "finditer"}
METHODS = ANYWHERE | {"match", "fullmatch"}
TABLES = {"grokbench.suite.problems": "_SYNTAX", "grokbench.conformance.advice": "_KNOWN",
          "grokbench.conformance.placement": "_KNOWN"}  # of patterns that a loop searches  # fmt: skip
LENGTHS = (22, 6000)  # of the repeated part; the short one finds what grows exponentially
MOST_SECONDS = 0.02  # of the processor: a linear pattern takes a hundredth of it, a quadratic one more


def calls():
    """(module, call) of every call of a function of `re`, or of a method of a pattern."""
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*.py")):
            module = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    yield module, node


def patterns():
    """{(pattern, flags): the methods by which it is used}."""
    found, compiled, methods = {}, {}, {}
    for module, node in calls():
        of = node.func.value
        name, method = of.id if isinstance(of, ast.Name) else "", node.func.attr
        if method in METHODS and name != "re":
            methods.setdefault(name, set()).add(method)
        if name != "re" or method not in METHODS | {"compile"}:
            continue
        if isinstance(node.args[0], ast.Name):  # the loop over a table
            table = getattr(importlib.import_module(module), TABLES[module])
            found |= {(row[0], 0): {method} for row in table}
            continue
        space = vars(importlib.import_module(module))
        pattern = eval(ast.unparse(node.args[0]), {"name": "alice", **space})  # of a user, escaped in a loop
        flags = next((int(getattr(re, name)) for name in map(_flag, node.args[1:]) if name), 0)
        if method == "compile":
            (target,) = [name for name, value in space.items() if value is re.compile(pattern, flags)]
            compiled[target, pattern, flags] = True
        else:
            found.setdefault((pattern, flags), set()).add(method)
    for target, pattern, flags in compiled:
        found.setdefault((pattern, flags), set()).update(
            methods.get(target) or methods["pattern"]
        )  # the name of a loop over them
    return found


def _flag(node):
    """The name in `re.NAME`; nothing of another expression."""
    return node.attr if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "re" else ""


CLASSES = {}  # text -> a parsed class of characters


def shortest(items):
    """A short text that the items of a parsed pattern match, one item after the other."""
    return "".join(map(_text, items))


@cache
def _member(written):
    """A character of a class, which is slow to compile."""
    pattern = re._compiler.compile(parser.SubPattern(parser.State(), [CLASSES[written]]))
    return next(char for char in (*"a1A_. ~", *map(chr, range(0x40000))) if pattern.match(char))


def _text(item):
    kind, value = item
    CLASSES[str(item)] = item
    match str(kind):
        case "LITERAL":
            return chr(value)
        case "NOT_LITERAL":
            return "a" if value != ord("a") else "b"
        case "ANY":
            return "a"
        case "IN":
            return _member(str(item))
        case "MAX_REPEAT" | "MIN_REPEAT":
            return shortest(value[2]) * max(1, value[0])
        case "SUBPATTERN":
            return shortest(value[-1])
        case "BRANCH":
            return next(filter(None, map(shortest, value[1])), "")
    return ""  # a place, or a look around it


def repeats(items, before=""):
    """(what leads to it, a text of it, the item after it) of every part that can be repeated without a limit."""
    for place, (kind, value) in enumerate(items):
        if str(kind) in ("MAX_REPEAT", "MIN_REPEAT"):
            if value[1] == parser.MAXREPEAT:
                yield before, shortest(value[2]), shortest(items[place + 1 : place + 2])
            yield from repeats(value[2], before)
        elif str(kind) == "SUBPATTERN":
            yield from repeats(value[-1], before)
        elif str(kind) == "BRANCH":
            for branch in value[1]:
                yield from repeats(branch, before)
        before += _text((kind, value))


def attacks(pattern, flags):
    """Texts in which a part of the pattern is repeated, after what leads to it and before what does not match."""
    found = [*dict.fromkeys(repeats(list(parser.parse(pattern, flags))))]
    parts = [*dict.fromkeys(part for before, each, after in found for part in (each, after, before + each + after))]
    for length in LENGTHS:
        for (before, _, _), part, after in product(found, filter(None, parts), ("", "\n", "\0")):
            yield before + part * (length // len(part) + 1) + after


def used(pattern, method, text):
    """Apply a pattern as the program does, and return the seconds of the processor."""
    start = time.process_time()
    if method in ("sub", "subn"):
        getattr(pattern, method)("", text)
    else:
        list(getattr(pattern, method)(text) or ()) if method == "finditer" else getattr(pattern, method)(text)
    return time.process_time() - start


FOUND = patterns()


def slow(pattern, flags, methods):
    """The method and the beginning of the first text for which a pattern takes too long; None where there is none."""
    compiled = re.compile(pattern, flags)
    for text, method in product(attacks(pattern, flags), sorted(methods)):
        if all(used(compiled, method, text) > MOST_SECONDS for _ in range(2)):
            return method, text[:40]
    return None


def test_every_pattern_is_found():
    assert len(FOUND) > 50 and all(methods <= METHODS for methods in FOUND.values())


@pytest.mark.parametrize(("pattern", "flags"), FOUND)
def test_a_pattern_is_linear(pattern, flags):
    assert slow(pattern, flags, FOUND[pattern, flags]) is None


@pytest.mark.parametrize(
    ("pattern", "method"),
    [
        (r"\s*(>=|<)\s*([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))\s*", "fullmatch"),
        (r"-\s*[0-9]+.*", "fullmatch"),
        (r'File "(.+)", line (\d+), in (.+)\n', "findall"),
    ],
)
def test_a_pattern_that_is_not_linear_is_noticed(pattern, method):
    assert slow(pattern, 0, {method})
