"""A sound task of a user, and the same with one fault each."""

from . import source
from .source import Change

SOUND = '''
def splits(key):
    inputs = random.normal(random.fold(key, "inputs"), (12, 3))
    targets = (inputs[:, 0] > 0).long()
    return {"train": Batch(inputs[:8], targets[:8]), "test": Batch(inputs[8:], targets[8:])}


def init(key):
    return {"weight": random.normal(random.fold(key, "init"), (3, 2)), "bias": random.normal(key, (2,))}


def forward(params, inputs):
    return inputs @ params["weight"] + params["bias"]


def loss(outputs, targets):
    return torch.nn.functional.cross_entropy(outputs, targets)


def correct(outputs, targets):
    return outputs.argmax(-1) == targets


def method(lr: float = 0.1) -> Task:
    """The sign of the first of three numbers."""
    return Task(
        splits=splits,
        train_size=8,
        init=init,
        forward=forward,
        loss=loss,
        correct=correct,
        optimizer=SGD(lr=lr),
        epochs=10,
        grokked={"test_accuracy": "> 0.9"},
        roles={"weight": "readout", "bias": "bias"},
    )
'''
HEAD = '"""A task."""\n\nimport torch\n\nfrom grokbench import SGD, Batch, Task, hookimpl, random\n\n\n'
HOOK = source.HOOK.replace("regularizers", "tasks")

FAULTS = {  # what is changed into what, the question that finds it, a phrase of its message, and of its fix
    "data of no key": Change(
        'random.fold(key, "inputs")', "random.key(7)", "keys", "every key gives the same data", "through `shared`"
    ),
    "initialisation of no key": Change(
        "(key):\n    return {",
        "(key):\n    key = random.key(7)\n    return {",
        "keys",
        "every key gives the same initialisation",
        "draw it from the key",
    ),
    "global randomness": Change(
        "random.normal(key, (2,))",
        "torch.randn(2).double()",
        "randomness",
        "the global generator of torch",
        "grokbench.random",
    ),
    "float32 draws": Change(
        "random.normal(key, (2,))",
        "random.normal(key, (2,)).float()",
        "draws",
        "init.bias is torch.float32",
        ".double()",
    ),
    "bytes that nothing embeds": Change(
        "(12, 3))\n", "(12, 3)).byte()\n", "draws", "train.inputs is torch.uint8", ".double()"
    ),
    "half precision": Change(
        "train_size=8,",
        "train_size=8, embed=lambda params, inputs: inputs.float(),",
        "draws",
        "embed makes torch.float32 of train.inputs where the parameters are torch.float64",
        "dtype of the parameters",
    ),
    "another split": Change(
        '"test": Batch',
        '"held": Batch',
        "splits",
        "the splits are train, held, but split_names are train, test",
        "split_names",
    ),
    "another size": Change(
        "train_size=8", "train_size=7", "splits", "train_size is 7, but there are 8 examples", "train_size"
    ),
    "a parameter without a role": Change(
        '"weight": "readout", ',
        "",
        "roles",
        "`roles` names bias, but the parameters are weight, bias",
        "map every parameter",
    ),
    "an unknown role": Change(
        '"readout"', '"last"', "roles", "the role of weight is 'last'", "input, hidden, readout, bias"
    ),
    "a criterion that is not recorded": Change(
        "test_accuracy",
        "accuracy",
        "criterion",
        "about 'accuracy', which is not recorded",
        "train_loss, train_accuracy, test_loss",
    ),
    "a condition that is none": Change(
        "> 0.9", "0.9", "criterion", "'0.9', expected a condition such as \"> 0.80\"", "correct what"
    ),
    "a budget between evaluations": Change(
        "epochs=10",
        "epochs=10, evaluate_every=4",
        "criterion",
        "a budget of 10 epochs is evaluated every 4",
        "a multiple of evaluate_every",
    ),
    "a loss per example": Change(
        "(outputs, targets)\n\n\ndef correct",
        '(outputs, targets, reduction="none")\n\n\ndef correct',
        "shapes",
        "loss returns shape (8,)",
        ".mean() or .sum()",
    ),
    "outputs of one axis": Change(
        '+ params["bias"]',
        '@ params["bias"]',
        "shapes",
        "forward returns shape (8,), expected (8, outputs)",
        "return the expected shape",
    ),
    "an accuracy in place of truths": Change(
        ".argmax(-1) == targets",
        ".argmax(-1).eq(targets).double().mean()",
        "shapes",
        "correct returns torch.float64",
        "return the expected shape",
    ),
    "an optimizer of torch": Change(
        "optimizer=SGD(lr=lr)",
        "optimizer=torch.optim.SGD([torch.zeros(1)], lr)",
        "record",
        "breaks: TypeError: optimizer must be an Optimizer of grokbench, such as grokbench.SGD(lr=...)",
        "correct the factory there",
    ),
    "arguments in another order": Change(
        "def forward(params, inputs)",
        "def forward(inputs, params)",
        "record",
        "forward is called as forward(params, inputs), but the function is forward(inputs, params)",
        "define it as: def forward(params, inputs)",
    ),
    "a naive cross-entropy": Change(
        "return torch.nn.functional.cross_entropy(outputs, targets)",
        "return -outputs.softmax(-1).log().gather(-1, targets[:, None]).mean()",
        "dead network",
        "and outputs of 1000, the loss is not finite",
        "log_softmax(outputs, -1) not softmax().log()",
    ),
    "a read value": Change(
        "inputs @",
        "float(inputs.abs().max()) * inputs @",
        "device",
        "reads a tensor back from the device",
        "keep every number a tensor",
    ),
    "a dead network": Change(
        "inputs @", "inputs / params['weight'].norm() @", "dead network", "is not finite", "clamp"
    ),
}
