"""The shipped tasks made small, and the shipped methods with settings whose effect shows within 20 steps."""

from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["GROUNDS", "METHODS", "ROTATED", "TASKS", "Form"]


class Form(NamedTuple):
    """A plugin with parameters."""

    use: str
    parameters: Mapping[str, Any]


_MNIST = {"samples": 22, "test_samples": 20, "width": 6, "batch_size": 8, "init_scale": 2.0}

TASKS = {  # label -> form; a task is examined in each of its forms, the user's own at its defaults
    "xor": Form("xor", {"dimensions": 12, "width": 6, "samples": 20, "test_samples": 16, "epsilon": 0.5}),
    "sparse_parity": Form("sparse_parity", {"bits": 8, "relevant": 2, "samples": 40, "width": 7}),
    "modular_addition": Form(  # 22 examples: batches of 8, 8 and 6
        "modular_addition", {"modulus": 7, "width": 6, "train_fraction": 0.45, "batch_size": 8}
    ),
    "modular_transformer": Form(
        "modular_transformer", {"modulus": 7, "train_fraction": 0.45, "d_model": 8, "heads": 2, "d_mlp": 6}
    ),
    "modular_transformer_frozen": Form(
        "modular_transformer",
        {"modulus": 7, "train_fraction": 0.45, "d_model": 6, "heads": 3, "d_mlp": 5, "freeze": ["W_E", "W_U"]},
    ),
    "mnist": Form("mnist", _MNIST),
    "mnist_mse": Form("mnist", {"loss": "mse", **_MNIST}),
    "cifar10": Form(  # 12 examples: batches of 5, 5 and 2
        "cifar10", {"samples": 12, "test_samples": 10, "width": 2, "classifier_width": 6, "batch_size": 5}
    ),
}

# What methods and metrics are tried on: SGD with L2; AdamW with biases; batches of two sizes. None needs data files.
GROUNDS = ("xor", "sparse_parity", "modular_addition", "modular_transformer_frozen")

# A task with an exact change of coordinates: in more dimensions than it has hidden units and training inputs.
ROTATED = Form("xor", {"dimensions": 60, "width": 6, "samples": 20, "test_samples": 16, "epsilon": 0.5})

METHODS = {  # label -> form; a method is examined in the form of its own name, the user's own at its defaults
    "baseline": Form("baseline", {}),
    "placebo": Form("placebo", {"scale": 0.01}),
    "grokfast_ema": Form("grokfast_ema", {"alpha": 0.8, "lamb": 0.5}),
    "grokfast_ma": Form("grokfast_ma", {"window": 3, "lamb": 2.0}),
    "orthograd": Form("orthograd", {}),
    "orthograd_text": Form("orthograd", {"rescale": False, "scope": "global"}),
    "orthograd_decay": Form("orthograd", {"project_decay": True}),
    "grokalign": Form("grokalign", {"strength": 0.02}),
    "grokalign_frobenius": Form("grokalign", {"strength": 0.1, "norm": "frobenius", "projections": 2}),
    "grokalign_exact": Form("grokalign", {"strength": 0.02, "estimator": "exact"}),
    "grokalign_negative": Form("grokalign", {"strength": -0.001}),
    "jacobian_level": Form("jacobian_level", {"strength": 0.1, "level": 2.0}),
    "clip_gradients": Form("clip_gradients", {"max_norm": 0.05}),
    "gaussian_noise": Form("gaussian_noise", {"scale": 0.2, "floor": 0.05}),
    "pgd_training": Form("pgd_training", {"radius": 0.1, "step_size": 0.04, "steps": 3}),
    "pgd_training_still": Form("pgd_training", {"radius": 0.1, "step_size": 0.1, "steps": 1, "random_start": False}),
    "norm_sphere": Form("norm_sphere", {}),
    "norm_sphere_cap": Form("norm_sphere", {"scope": "tensor", "cap": True}),
    "stablemax": Form("stablemax", {}),
}
