"""The origin of a plugin: its provider and digests of its source, as data for files and in words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, TypeAdapter, ValidationError

__all__ = ["Origin", "StoredOrigin", "origins_of"]

DIGEST = ", sha256 "  # stands between provider and digest in texts


@dataclass(frozen=True)
class Origin:
    """The provider of a plugin, with digests of the plugin's source.

    Attributes:
        kind: "built_in", "package" (an installed one) or "file" (a plugin file).
        name: the name of the package, or of the file without its folder; empty for built-in plugins.
        version: the version of the package; empty for the other kinds.
        digests: version of the digest -> hexadecimal digits, see `plugins.digests`; empty if the source was not read.
    """

    kind: Literal["built_in", "package", "file"]
    name: str = ""
    version: str = ""
    digests: Mapping[int, str] = field(default_factory=dict)

    @property
    def built_in(self) -> bool:
        """True if the plugin ships with the program; its revision is then raised whenever its results change."""
        return self.kind == "built_in"

    @property
    def digest(self) -> str:
        """The digest of the newest version; empty if there is no digest."""
        return self.digests[max(self.digests)] if self.digests else ""

    @property
    def with_digest(self) -> str:
        """The provider and the newest digest in words: `file mine.py, sha256 0123456789abcdef`."""
        return f"{self}{DIGEST}{self.digest}" if self.digests else str(self)

    def agrees_with(self, other: "Origin") -> bool:
        """Return whether two origins have the same provider and source, by the newest digest that both have."""
        if (self.kind, self.name, self.version) != (other.kind, other.name, other.version):
            return False
        shared = self.digests.keys() & other.digests.keys()
        if not shared:
            return self.digests == other.digests
        return self.digests[max(shared)] == other.digests[max(shared)]

    def data(self) -> dict[str, Any]:
        """Return the JSON data for files."""
        digests = {str(version): digest for version, digest in self.digests.items()}
        return {"kind": self.kind, "name": self.name, "version": self.version, "digests": digests}

    def __str__(self) -> str:
        """Name the provider: `built in`, `package NAME VERSION` or `file NAME`."""
        return " ".join(filter(None, [self.kind.replace("_", " "), self.name, self.version]))


def _of_text(stored: Any) -> Any:
    """Convert a text, which earlier versions stored, to a record; other data is left for the validation.

    The digest in such a text is of version 1, over the whole source.
    """
    if not isinstance(stored, str):
        return stored
    provider, separator, digest = stored.rpartition(DIGEST)
    provider, digests = (provider, {1: digest}) if separator else (stored, {})
    kind, _, rest = provider.partition(" ")
    if provider == "built in":
        return Origin("built_in", digests=digests)
    if kind == "package":
        name, _, version = rest.rpartition(" ")
        return Origin("package", name, version, digests)
    return Origin("file", provider.removeprefix("file "), digests=digests)


StoredOrigin = Annotated[Origin, BeforeValidator(_of_text)]
_ORIGINS: TypeAdapter[dict[str, Origin]] = TypeAdapter(dict[str, StoredOrigin])


def origins_of(provenance: Mapping[str, Any]) -> dict[str, Origin]:
    """Read the origins of plugins in the provenance of a stored run or timing.

    Returns:
        `kind.name` of a plugin -> origin. Empty if provenance holds no readable origins; the run or timing then never
        counts as made by the present sources.
    """
    try:
        return _ORIGINS.validate_python(provenance.get("origins") or {})
    except ValidationError:
        return {}
