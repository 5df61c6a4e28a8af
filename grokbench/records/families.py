"""The families of comparisons over which Holm's method corrects, found in the ledger of a results folder."""

from collections.abc import Iterable, Mapping

from grokbench.records.ledger import Declaration, Ledger, Look, Pair
from grokbench.records.manifest import Manifest

__all__ = ["Families", "families"]


class Families:
    """The families, in the order in which they were declared.

    Attributes:
        members: a mapping for each family (at most two): comparison -> its name in the first declaration that contains
            it.
        present: the last declaration.
        before: the declarations under which a replica of a method finished.
    """

    def __init__(self) -> None:
        """Begin without families."""
        self.members: list[dict[Pair, str]] = []
        self.present: Declaration | None = None
        self.before: list[Declaration] = []
        self._new: set[Pair] = set()  # the comparisons of the present declaration, while nothing has finished under it
        self._finished: Mapping[str, int] = {}

    @property
    def identities(self) -> set[str]:
        """The cells of all comparisons."""
        return {identity for family in self.members for pair in family for identity in pair}

    def enter(self, event: Declaration | Look) -> None:
        """Update the families by one event of a ledger."""
        if isinstance(event, Look):
            self._look(event)
            return
        self._drop(self._new)
        known = {pair for family in self.members for pair in family}
        new = {pair: name for pair, name in event.comparisons().items() if pair not in known}
        self.members += [new] if new else []
        self.present, self._new = event, set(new)

    def _look(self, look: Look) -> None:
        """Close the family of the present declaration when a replica of one of its methods has finished under it."""
        methods = {method for method, _ in self.present.comparisons()} if self.present else set()
        grown = {identity for identity, n in look.finished.items() if n > self._finished.get(identity, 0)}
        if self.present and methods & grown:
            self._new = set()
            self.before += [self.present] if self.present not in self.before else []
        self._finished = look.finished

    def join_later(self) -> None:
        """Join all families that were declared after the first into one."""
        first, *later = self.members or [{}]
        joined = {pair: name for family in later for pair, name in family.items()}
        self.members = [family for family in (first, joined) if family]

    def enter_withdrawn(self, manifest: Manifest) -> None:
        """Add to the first family the comparisons of withdrawn cells that are missing from a damaged ledger."""
        baselines = {cell.task: cell.identity for cell in manifest.cells if cell.regularizer == manifest.baseline}
        known = {pair for family in self.members for pair in family}
        for cell in manifest.withdrawn:
            pair = (cell.identity, baselines.get(cell.task, ""))
            if cell.regularizer != manifest.baseline and not any(method == pair[0] for method, _ in known):
                self.members[:1] = [{**(self.members[0] if self.members else {}), pair: cell.name}]

    def _drop(self, replaced: Iterable[Pair]) -> None:
        """Remove the comparisons of a declaration that was replaced before anything had finished under it."""
        gone = set(replaced)
        kept = [{pair: name for pair, name in family.items() if pair not in gone} for family in self.members]
        self.members = [family for family in kept if family]


def families(ledger: Ledger, manifest: Manifest) -> Families:
    """Find the families of a folder.

    The first family consists of the comparisons that were declared before any replica of a method finished. Later
    declarations remove none of them. The second family consists of all comparisons that later declarations add, so that
    a method which is tried again and again with other settings is corrected for every trial. A declaration under which
    nothing has finished is replaced by the next declaration.

    Args:
        ledger: the ledger of the folder. The ledger of a folder of an earlier version is empty; the manifest then
            decides the family.
        manifest: the manifest of the folder. If it differs from the last declaration, it counts as declared now.
    """
    found, now = Families(), Declaration.of(manifest)
    for event in ledger.events:
        found.enter(event)
    if found.present != now:
        found.enter(now)
    found.join_later()
    return found
