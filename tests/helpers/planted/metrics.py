"""A sound metric of a user, and the same with one fault each."""

from . import source
from .source import Change

SOUND = '''
def measure(probe):
    return probe.outputs("test").square().mean()


def method() -> Metric:
    """The mean square of the outputs on test data."""
    return Metric(measure=measure, splits=("test",), rotates=True)
'''
HEAD = '"""A metric."""\n\nimport torch\n\nfrom grokbench import Metric, hookimpl\n\n\n'
HOOK = source.HOOK.replace("regularizers", "metrics")

FAULTS = {
    "an undeclared split": Change(
        'probe.outputs("test")',
        '(probe.outputs("test") + probe.splits["train"].inputs.mean())',
        "withheld data",
        "it reads the split train, which it does not declare",
        "splits=('test', 'train')",
    ),
    "a false rotation": Change(
        'probe.outputs("test")',
        'probe.splits["test"].inputs',
        "rotation",
        "in full and in rotated coordinates it differs by",
        "leave `rotates` out",
    ),
    "an entry of the parameters replaced": Change(
        "    return probe",
        "    probe.params['weight1'] = 2.0 * next(iter(probe.params.values()))\n    return probe",
        "arguments",
        "measure writes into probe.params.weight1",
        "a new dict",
    ),
    "two arguments": Change(
        "def measure(probe)",
        "def measure(probe, split)",
        "record",
        "measure is called as measure(probe), but the function is measure(probe, split)",
        "give its own parameters their values in the factory: measure=partial(measure, split=split)",
    ),
    "no number": Change(".square().mean()", ".log().mean() * torch.nan", "number", "it gives [nan", "clamp_min"),
    "a count of its calls": Change(
        "    return probe",
        "    measure.calls = getattr(measure, 'calls', 0) + 1\n    return measure.calls * probe",
        "memory",
        "the same call of measure gives two results",
        "keep values between steps in the state",
    ),
    "a number per example": Change(
        ".square().mean()", ".square().mean(-1)", "shapes", "measure returns shape (16,)", ".mean() or .sum()"
    ),
    "a read value": Change(
        ".square().mean()\n",
        ".square().mean() * probe.params['weight1'].sum().item()\n",
        "device",
        "reads a tensor back",
        "keep every number a tensor",
    ),
    "a tensor on the CPU": Change(
        ".square().mean()",
        ".square().mean(-1).mul(torch.ones(16)).mean()",
        "placement",
        "it makes a tensor on the CPU",
        "device=",
    ),
    "a written parameter": Change(
        "    return probe",
        "    probe.params['weight1'].mul_(2.0)\n    return probe",
        "arguments",
        "measure writes into probe.params.weight1",
        "make a new tensor",
    ),
}
