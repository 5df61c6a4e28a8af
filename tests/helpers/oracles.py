"""Slow, obvious references: one seed, one loop, ordinary PyTorch with modules, autograd and torch.optim.

Only the keyed draws are shared with the engine (data, initialisation, batch order and a method's random directions), so
that a plain run follows the same trajectory. The methods are in `oracle_methods`.
"""

import math
from collections import namedtuple

import torch
from torch import nn
from torch.nn import functional as F

from grokbench import random


class Net(nn.Module):
    """The fully connected network of a dict of parameters; torch's layers hold their weights transposed."""

    def __init__(self, params, activation=torch.relu):
        super().__init__()
        self.activation = activation
        self.site = lambda h, name: h  # what methods do to hidden activations in training
        self.hidden = []  # the hidden activations of the last call
        depth = sum(name.startswith("weight") for name in params)
        self.layers = nn.ModuleList(self._layer(params, number) for number in range(1, depth + 1))

    @staticmethod
    def _layer(params, number):
        weight, bias = params[f"weight{number}"], params.get(f"bias{number}")
        layer = nn.Linear(*weight.shape, bias=bias is not None, dtype=weight.dtype)
        layer.weight.data = weight.T.clone(memory_format=torch.contiguous_format)
        if bias is not None:
            layer.bias.data = bias.clone()
        return layer

    def forward(self, inputs):
        hidden, self.hidden = inputs, []
        for number, layer in enumerate(self.layers[:-1], start=1):
            hidden = self.activation(layer(hidden))
            hidden = self.site(hidden, f"hidden{number}") if self.training else hidden
            self.hidden.append(hidden)
        return self.layers[-1](hidden)

    def freeze(self, names):
        """Exclude parameters from training, by their names in the tasks."""
        for number, layer in enumerate(self.layers, start=1):
            for name, p in (("weight", layer.weight), ("bias", layer.bias)):
                if f"{name}{number}" in names:
                    p.requires_grad_(False)

    def learned(self):
        """The parameters that are trained."""
        return [p for p in self.parameters() if p.requires_grad]

    def named(self, learned=False):
        """The parameters under the names of the tasks, in torch's layout."""
        pairs = enumerate(self.layers, start=1)
        named = {f"{kind}{number}": getattr(layer, kind) for number, layer in pairs for kind in ("weight", "bias")}
        return {name: p for name, p in named.items() if p is not None and (p.requires_grad or not learned)}

    def params(self):
        """The parameters under the names and in the layout of the tasks."""
        return {name: p.detach().T.clone() if p.ndim == 2 else p.detach().clone() for name, p in self.named().items()}


def cross_entropy(outputs, targets):
    return F.cross_entropy(outputs, targets)


def one_hot_mse(outputs, targets):
    return nn.MSELoss()(outputs, torch.eye(outputs.shape[1], dtype=outputs.dtype)[targets])


def signed_mse(outputs, targets):
    return nn.MSELoss()(outputs, targets[:, None])


def accuracy(outputs, targets):
    predicted = outputs[:, 0].sign() if outputs.shape[1] == 1 else outputs.argmax(1)
    return sum(float(p == t) for p, t in zip(predicted, targets, strict=True)) / len(targets)


def jacobians(net, inputs, create_graph=False):
    """(n, C, d), row by row. An output depends on its own example only, so the gradient of the sum keeps them apart."""
    x = inputs.clone().requires_grad_()
    totals = net(x).sum(0)
    rows = [torch.autograd.grad(total, x, retain_graph=True, create_graph=create_graph)[0] for total in totals]
    return torch.stack(rows, 1)


Problem = namedtuple("Problem", "loss bounds")  # the input of an attack


def torch_optimizer(params, record, decay):
    """torch's optimizer with the settings of a task's."""
    params = params or [nn.Parameter(torch.zeros(()))]  # where methods update all parameters themselves
    if record.decoupled:
        return torch.optim.AdamW(params, record.lr, record.betas, record.eps, decay, foreach=False, fused=False)
    return torch.optim.SGD(params, record.lr, weight_decay=decay, foreach=False, fused=False)


def plain_run(task, loss, activation, methods, seed, epochs):
    """Train one seed in float64.

    Returns the parameters at the end and, per completed epoch from 0, {split_loss, split_accuracy}.
    """
    root = random.key(seed)
    own = random.fold(root, "task")
    splits = task.splits(own) | (task.shared(torch.device("cpu")) if task.shared else {})
    net = Net(task.init(own), activation)
    net.freeze(task.frozen)
    for number, method in enumerate(methods):
        method.begin(task, root, splits["train"], number)
        method.prepare(net, random.fold(root, "prepare", "method", number))
    decay = 0.0 if any(method.projects_decay for method in methods) else task.optimizer.weight_decay
    own = {id(p) for method in methods for p in method.claims(net.named(learned=True), task.roles)}
    optimizer = torch_optimizer([p for p in net.learned() if id(p) not in own], task.optimizer, decay)
    history, problem, objective = [evaluate(net, splits, loss)], Problem(loss, task.input_bounds), loss
    for method in methods:
        objective = method.objective(objective)
    for epoch in range(epochs):
        for method in methods:
            method.begin_epoch()
        for number, rows in enumerate(batch_rows(task, root, epoch)):
            for method in methods:
                rows = method.rows(rows)
            inputs, targets = splits["train"].inputs[rows], splits["train"].targets[rows]
            keys = [random.fold(root, "regularizer", epoch, number, "method", place) for place in range(len(methods))]
            for method, key in zip(methods, keys, strict=True):
                inputs = method.perturb(net, inputs, targets, key, problem)
            net.site = chained(methods, keys)

            def backward(inputs=inputs, targets=targets, keys=keys):
                outputs = net(inputs)
                total = objective(outputs, targets)
                for method, key in zip(methods, keys, strict=True):
                    total = total + method.penalty(net, inputs, key)
                net.zero_grad()
                total.backward()
                return outputs

            outputs = backward()
            for method in methods:
                method.again = backward
                method.see(outputs, targets)
                method.filter(net, 0.0 if task.optimizer.decoupled else task.optimizer.weight_decay)
            rate = math.prod(method.rate(epoch * task.steps + number, task.epochs * task.steps) for method in methods)
            for method in methods:
                method.update(rate, task.optimizer.weight_decay)
            optimizer.param_groups[0]["lr"] = rate * task.optimizer.lr
            optimizer.step()
            for method in methods:
                method.project(net)
        history.append(evaluate(net, splits, loss))
    return net.params(), history


def chained(methods, keys):
    """The methods' functions of hidden activations, one after the other."""

    def site(h, name):
        for method, key in zip(methods, keys, strict=True):
            h = method.hidden(h, name, key)
        return h

    return site


def batch_rows(task, root, epoch):
    """The training examples of each batch of an epoch; the last batch may be smaller."""
    n = task.train_size
    if task.batch_size is None or task.batch_size >= n:
        return [torch.arange(n)]
    return random.permutation(random.fold(root, "batches", epoch), n).split(task.batch_size)


@torch.no_grad()
def evaluate(net, splits, loss):
    """Loss and accuracy on every split."""
    values = {}
    net.eval()
    for name, (inputs, targets) in splits.items():
        outputs = net(inputs)
        values[f"{name}_loss"] = float(loss(outputs, targets))
        values[f"{name}_accuracy"] = accuracy(outputs, targets)
    net.train()
    return values
