"""Plugins with one fault each, as a contributor might write them, and sound ones beside them."""

from . import claims, declared, devices, habits, numbers, phases, purity, records, signatures, silent
from .source import SOUND, write

__all__ = ["METHODS", "SOUND", "write"]

KINDS = (purity, numbers, devices, claims, signatures, phases, records, habits, silent, declared)
METHODS = {label: fault for kind in KINDS for label, fault in kind.FAULTS.items()}
assert len(METHODS) == sum(len(kind.FAULTS) for kind in KINDS), "two faults have the same label"
