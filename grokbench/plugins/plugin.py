"""A plugin: a factory with its parameters and its origin."""

import inspect
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from grokbench.errors import PluginError
from grokbench.plugins.refusals import refusal
from grokbench.records import Origin
from grokbench.suite.shapes import expected
from grokbench.text.suggest import did_you_mean, short, shown

__all__ = ["Plugin"]


@dataclass(frozen=True)
class Plugin:
    """A factory with its name and its origin.

    Attributes:
        kind: "tasks", "regularizers", "metrics" or "observers".
        name: the factory's name, which suites use.
        factory: makes the record. The factory's signature gives the plugin's parameters, its docstring is the help.
        origin: the provider, with digests of the source.
        file: the absolute path of the plugin file; None for other providers.
        imports: distribution -> version, for what a user's plugin imports, see `imported`.
    """

    kind: str
    name: str
    factory: Callable[..., Any]
    origin: Origin
    file: Path | None = None
    imports: Mapping[str, str] = field(default_factory=dict)

    @property
    def builtin(self) -> bool:
        """True if the plugin ships with the program; a change of its numbers then comes with a new revision."""
        return self.origin.built_in

    @property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """The factory's parameters, in order."""
        return dict(_parameters(self.factory))

    def resolve(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the value of every parameter, converted by its annotation: 1 becomes 1.0 for a float.

        Args:
            given: parameters without `faults`; parameters that are left out get their defaults.
        """
        return {
            name: self._read(name, given[name]) if name in given else parameter.default
            for name, parameter in self.parameters.items()
        }

    def recorded(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters that a recipe records: all but those added later that have their defaults.

        A built-in plugin declares the parameters that it got after results were published as keyword-only. Identities
        of cells that do not use them thus stay the same. A change of such a default needs a new revision.

        Args:
            given: parameters without `faults`.
        """
        later = {n: p.default for n, p in self.parameters.items() if self.builtin and p.kind is p.KEYWORD_ONLY}
        return {n: value for n, value in self.resolve(given).items() if n not in later or value != later[n]}

    def faults(
        self, given: Mapping[str, Any], words: Mapping[str, Collection[str]] | None = None
    ) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with given parameters: (parameter, sentence).

        Args:
            given: name -> value.
            words: name -> the suite's own keys that are allowed beside this name, for messages; empty by default.
        """
        for name in given:
            if name not in self.parameters:
                yield name, self._unknown(name, (words or {}).get(name, ()))
            elif fault := self._type_fault(name, given[name]):
                yield name, fault
        for name, parameter in self.parameters.items():
            if name not in given and parameter.default is parameter.empty:
                yield name, f"{self.name} needs the parameter {name!r}, which has no default"

    def _unknown(self, name: str, words: Collection[str]) -> str:
        taken = f"Expected one of: {', '.join(self.parameters)}" if self.parameters else ""
        if words:
            every, also = ("; every", " also") if taken else ("Every", "")
            taken += f"{every} {self.kind[:-1]} entry{also} accepts these keys: {', '.join(words)}"
        near = did_you_mean(name, [*self.parameters, *words])
        return f"{self.name} has no parameter {short(name)!r}. {taken or 'It takes none'}{near}"

    def _read(self, name: str, value: Any) -> Any:
        """Convert a value to the type that its parameter is annotated with.

        Text is not accepted for a number; a list is accepted for a tuple.
        """
        return _adapter(self.factory, name).validate_json(json.dumps(value), strict=True)

    def _type_fault(self, name: str, value: Any) -> str | None:
        try:
            self._read(name, value)
        except ValidationError as error:
            first = error.errors()[0]
            where = "".join(f"[{part}]" for part in first["loc"] if isinstance(part, int))
            got = shown(first["input"] if where else value)
            return f"{f'at {where}: ' * bool(where)}expected {expected(first)}, got {got}"
        return None

    def make(self, given: Mapping[str, Any]) -> Any:
        """Make the record for these parameters.

        Raises:
            PluginError: a parameter is unknown, missing or of a wrong type, or the factory refuses the parameters.
        """
        for _, fault in self.faults(given):
            raise PluginError(fault)
        try:
            return self.factory(**self.resolve(given))
        except Exception as error:
            raise PluginError(f"{self.name} ({self.origin}) {refusal(error)}") from error


@lru_cache(1024)  # a large suite asks for the same ones thousands of times
def _parameters(factory: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(factory).parameters


@lru_cache(1024)  # it takes longer to make one than to read a value
def _adapter(factory: Callable[..., Any], name: str) -> TypeAdapter[Any]:
    """Make what converts values of a factory's parameter."""
    return TypeAdapter(get_type_hints(factory).get(name, Any))
