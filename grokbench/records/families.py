"""The families of comparisons over which Holm's method corrects, as the ledger of a results folder remembers them."""

from collections.abc import Iterable, Mapping

from grokbench.records.ledger import Declaration, Ledger, Look, Pair
from grokbench.records.manifest import Manifest

__all__ = ["Families", "families"]


class Families:
    """The families, in the order in which they were declared.

    Attributes:
        members: for each family, comparison -> its name in the first declaration that has it: at most two families.
        present: the last declaration.
        before: declarations under which a replica of a method finished.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self.members: list[dict[Pair, str]] = []
        self.present: Declaration | None = None
        self.before: list[Declaration] = []
        self._new: set[Pair] = set()  # of the present declaration, while nothing has finished under it
        self._finished: Mapping[str, int] = {}

    @property
    def identities(self) -> set[str]:
        """The cells of all comparisons."""
        return {identity for family in self.members for pair in family for identity in pair}

    def enter(self, event: Declaration | Look) -> None:
        """Follow one event of a ledger."""
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
        """Make one family of all that were declared after the first."""
        first, *later = self.members or [{}]
        joined = {pair: name for family in later for pair, name in family.items()}
        self.members = [family for family in (first, joined) if family]

    def enter_withdrawn(self, manifest: Manifest) -> None:
        """Enter the comparisons of withdrawn cells into the first family where the ledger, damaged, has lost them."""
        baselines = {cell.task: cell.identity for cell in manifest.cells if cell.regularizer == manifest.baseline}
        known = {pair for family in self.members for pair in family}
        for cell in manifest.withdrawn:
            pair = (cell.identity, baselines.get(cell.task, ""))
            if cell.regularizer != manifest.baseline and not any(method == pair[0] for method, _ in known):
                self.members[:1] = [{**(self.members[0] if self.members else {}), pair: cell.name}]

    def _drop(self, replaced: Iterable[Pair]) -> None:
        """Forget the comparisons of a declaration that was replaced before anything had finished under it."""
        gone = set(replaced)
        kept = [{pair: name for pair, name in family.items() if pair not in gone} for family in self.members]
        self.members = [family for family in kept if family]


def families(ledger: Ledger, manifest: Manifest) -> Families:
    """Find the families of a folder.

    The comparisons that were declared before any replica of a method finished are the first family. All of them stay in
    it, whatever is declared later. All comparisons that later declarations add are the second family, which grows with
    each: a method that is tried again and again with other settings is corrected for every trial. A declaration under
    which nothing finished is replaced by the next.

    Args:
        ledger: of the folder; empty in a folder of an earlier version, whose family is what the manifest says.
        manifest: of the folder; what differs from the last declaration was declared now.
    """
    found, now = Families(), Declaration.of(manifest)
    for event in ledger.events:
        found.enter(event)
    if found.present != now:
        found.enter(now)
    found.join_later()
    return found
