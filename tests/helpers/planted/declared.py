"""Methods that do not declare what they use, declare what they do not use, or break the contract of a newer phase."""

from .source import Fault

DOC = '"""Do something beside the gradient."""'

FAULTS = {
    "a prepare without the training set": Fault(
        f"""
def prepare(params, task, key):
    return {{name: 0.5 * p for name, p in params.items()}}


def method() -> Regularizer:
    {DOC}
    return Regularizer(prepare=prepare)
""",
        "record",
        "prepare is called as prepare(params, task, train, key), but the function is prepare(params, task, key)",
        "define it as: def prepare(params, task, train, key)",
    ),
    "a training set that is drawn again": Fault(
        f"""
def prepare(params, task, train, key):
    scale = task.outputs(params, task.splits(key)["train"].inputs).square().mean().sqrt()
    return {{name: p / (1.0 + scale) for name, p in params.items()}}


def method() -> Regularizer:
    {DOC}
    return Regularizer(prepare=prepare)
""",
        "withheld data",
        "prepare reads the data of train and declares nothing",
        "use `train`, the replica's own training set",
    ),
    "a batch that is divided": Fault(
        f"""
def perturb(batch, state, at):
    return Batch(batch.inputs[2:], batch.targets[2:])


def method() -> Regularizer:
    {DOC}
    return Regularizer(perturb=perturb)
""",
        "shapes",
        "perturb returns a batch of another shape",
        "for examples of its own, a method sets reserve and reads at.reserved",
    ),
    "a schedule without its budget": Fault(
        f"""
def rate(at):
    return (1.0 - at.epoch / at.budget).clamp_min(0.0)


def method() -> Regularizer:
    {DOC}
    return Regularizer(rate=rate)
""",
        "shapes",
        "it reads at.budget without declaring it",
        'declare it: Regularizer(..., needs=frozenset({"budget"}))',
    ),
    "a rate in Python": Fault(
        f"""
def rate(at):
    return 0.5


def method() -> Regularizer:
    {DOC}
    return Regularizer(rate=rate)
""",
        "shapes",
        "rate returns a float, expected a tensor of shape ()",
        "return a tensor in every case",
    ),
    "a rate that reads the step": Fault(
        f"""
def rate(at):
    return torch.ones_like(at.step, dtype=torch.float64) * min(1.0, (int(at.step) + 1) / 10)


def method() -> Regularizer:
    {DOC}
    return Regularizer(rate=rate)
""",
        "device",
        "it reads a tensor back from the device with __int__",
        "keep every number a tensor on its device",
    ),
    "a name claimed twice": Fault(
        f"""
def claims(roles, shapes):
    return [*(name for name, role in roles.items() if role == "input"), "weight1"]


def update(params, grads, state, at):
    return {{name: p - at.lr * grads[name] - at.lr * at.weight_decay * p for name, p in params.items()}}, state


def method() -> Regularizer:
    {DOC}
    return Regularizer(claims=claims, update=update)
""",
        "claims",
        "claims names 'weight1' twice",
        "choose names by role and shape alone",
    ),
    "claims in turn": Fault(
        f"""
class Claims:
    called = 0

    def __call__(self, roles, shapes):
        Claims.called += 1
        return list(shapes)[: 1 + Claims.called % 2]


def update(params, grads, state, at):
    return {{name: p - at.lr * grads[name] - at.lr * at.weight_decay * p for name, p in params.items()}}, state


def method() -> Regularizer:
    {DOC}
    return Regularizer(claims=Claims(), update=update)
""",
        "claims",
        "claims gives other names when it is called again",
        "choose names by role and shape alone",
    ),
    "a set of names": Fault(
        f"""
def claims(roles, shapes):
    return set(roles)


def update(params, grads, state, at):
    return {{name: p - at.lr * grads[name] - at.lr * at.weight_decay * p for name, p in params.items()}}, state


def method() -> Regularizer:
    {DOC}
    return Regularizer(claims=claims, update=update)
""",
        "claims",
        "claims returns a set, whose order is arbitrary",
        "[name for name, role in roles.items() if role == 'hidden']",
    ),
    "a count of what is skipped": Fault(
        f"""
class Count(NamedTuple):
    n: torch.Tensor


def init(params):
    return Count(next(iter(params.values())).new_zeros(()))


def transform(grads, state, at):
    return {{name: g / (1.0 + state.n) for name, g in grads.items()}}, Count(state.n + 1)


def method() -> Regularizer:
    {DOC}
    return Regularizer(init=init, transform=transform, every={{"transform": 10}})
""",
        "periods",
        "n in the state counts the calls of transform, one in 10 steps",
        "use at.step, which counts updates",
        "hint",
    ),
    "a share that is kept for nothing": Fault(
        f"""
def transform(grads, state, at):
    return {{name: 1.5 * g for name, g in grads.items()}}, state


def method() -> Regularizer:
    {DOC}
    return Regularizer(transform=transform, reserve=0.1)
""",
        "declared",
        "it declares reserve but no phase reads at.reserved",
        "read at.reserved in a phase, or leave it out",
        "hint",
    ),
    "a training set that nothing reads": Fault(
        f"""
def transform(grads, state, at):
    return {{name: 1.5 * g for name, g in grads.items()}}, state


def method() -> Regularizer:
    {DOC}
    return Regularizer(transform=transform, needs=frozenset({{"train"}}))
""",
        "declared",
        "it declares needs but no phase reads at.train",
        "read at.train in a phase, or leave it out",
        "hint",
    ),
    "a step before training": Fault(
        f"""
def init(params, about):
    return ({{name: torch.zeros_like(p) / (1 + about.step) for name, p in params.items()}},)


def transform(grads, state, at):
    return {{name: g + state[0][name] for name, g in grads.items()}}, state


def method() -> Regularizer:
    {DOC}
    return Regularizer(init=init, transform=transform)
""",
        "shapes",
        "'About' object has no attribute 'step'",
        "About has decoupled, facts, fans, key, lr, roles",
    ),
    "averages in another precision": Fault(
        f"""
def evaluated(params, state):
    return {{name: p.float() for name, p in params.items()}}


def method() -> Regularizer:
    {DOC}
    return Regularizer(eval_params=evaluated, privileges=frozenset({{"averaged_weights"}}))
""",
        "shapes",
        "eval_params returns parameters of another shape, dtype or order than it was given",
        "make tensors in the precision of the given ones",
    ),
    "averages of some parameters": Fault(
        f"""
def evaluated(params, state):
    return {{name: 0.5 * p for name, p in params.items() if p.ndim > 1 and name != "weight1"}}


def method() -> Regularizer:
    {DOC}
    return Regularizer(eval_params=evaluated, privileges=frozenset({{"averaged_weights"}}))
""",
        "shapes",
        "eval_params returns no parameter named weight1",
        "return a dict with the given names",
    ),
    "activations that are dropped": Fault(
        f"""
def hidden(h, site, state, at):
    return h[:, :-1]


def method() -> Regularizer:
    {DOC}
    return Regularizer(hidden=hidden)
""",
        "shapes",
        "hidden returns hidden activations of another shape",
        "every tensor has the shape of the one it replaces",
    ),
    "dropout of torch": Fault(
        f"""
def hidden(h, site, state, at):
    return torch.nn.functional.dropout(h, 0.1)


def method() -> Regularizer:
    {DOC}
    return Regularizer(hidden=hidden)
""",
        "randomness",
        "it uses the global generator of torch",
        "draw from the given key, with grokbench.random",
    ),
    "an update that is told all gradients": Fault(
        f"""
def claims(roles, shapes):
    return [name for name, role in roles.items() if role == "input"]


def update(params, grads, state, at):
    return {{name: p - at.lr * grads[name] for name, p in at.params.items()}}, state


def method() -> Regularizer:
    {DOC}
    return Regularizer(claims=claims, update=update)
""",
        "shapes",
        "KeyError: 'weight2'",
        "iterate over all parameters, for name, p in params.items()",
    ),
}
