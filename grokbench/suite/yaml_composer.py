"""PyYAML's parser and composer with limits of size and depth, for data without aliases, anchors and tags."""

from typing import Any

from yaml.composer import Composer
from yaml.error import MarkedYAMLError
from yaml.events import AliasEvent
from yaml.nodes import Node, ScalarNode
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from grokbench.suite.problems import Place, Problem, TooLargeError
from grokbench.text.suggest import short

__all__ = ["MAX_DEPTH", "MAX_NODES", "BoundedComposer", "blamed", "mark_place"]

MAX_DEPTH = 20
MAX_NODES = 5_000


def mark_place(mark: Any) -> Place:
    """Return the line and column, from 1, of a mark of PyYAML; (1, 1) if there is none."""
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def blamed(error: MarkedYAMLError) -> Any:
    """Return the mark of a mistake; for a missing colon or closing quote, return that of the text which lacks it."""
    missed = error.problem in ("could not find expected ':'", "found unexpected end of stream")
    return (missed and error.context_mark) or error.problem_mark or error.context_mark


class BoundedComposer(Reader, Scanner, Parser, Composer, BaseResolver):
    """PyYAML's composer with limits; it collects aliases, anchors and tags as problems and continues.

    Attributes:
        problems: the problems found so far.
        count: the number of nodes composed so far.
        level: the depth of the present node.
    """

    def __init__(self, text: str) -> None:
        """Prepare to compose a text."""
        Reader.__init__(self, text)  # before `Scanner.__init__`, which reads the text
        for base in (Scanner, Parser, Composer, BaseResolver):
            base.__init__(self)
        self.problems: list[Problem] = []
        self.count = self.level = 0

    def compose_document(self) -> Node | None:
        """Compose the only document; a directive for another version than YAML 1.2 is a problem."""
        event = self.peek_event()
        if event.version not in (None, (1, 2)):
            version = ".".join(map(str, event.version))
            text = f"the directive '%YAML {version}', expected none: a suite is YAML 1.2"
            self.problems.append(Problem((), text, mark_place(event.start_mark)))
        return super().compose_document()

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        """Compose the next node, null for an alias.

        Raises:
            TooLargeError: there are more than MAX_NODES nodes or MAX_DEPTH levels.
        """
        event = self.peek_event()
        self.count, self.level = self.count + 1, self.level + 1
        if self.count > MAX_NODES or self.level > MAX_DEPTH:
            limit = f"{MAX_NODES} values" if self.count > MAX_NODES else f"{MAX_DEPTH} levels of nesting"
            raise TooLargeError(problem=f"more than {limit}", problem_mark=event.start_mark)
        self._only_data(event)
        node = self._nothing() if isinstance(event, AliasEvent) else super().compose_node(parent, index)
        self.level -= 1
        return node

    def _nothing(self) -> ScalarNode:
        event = self.get_event()
        return ScalarNode("", "", event.start_mark, event.end_mark)

    def _only_data(self, event: Any) -> None:
        place = mark_place(event.start_mark)
        if isinstance(event, AliasEvent):
            text = f"the alias '*{short(str(event.anchor))}', expected the value itself"
            self.problems.append(Problem((), text, place))
            return
        if event.anchor is not None:
            text = f"the anchor '&{short(event.anchor)}', expected data without anchors"
            self.problems.append(Problem((), text, place))
            event.anchor = None
        if event.tag is not None:
            tag = short(event.tag.replace("tag:yaml.org,2002:", "!!"))
            self.problems.append(Problem((), f"the tag '{tag}', expected data without tags", place))
            event.tag = None
