"""Settings for checks: small versions of the shipped tasks, and methods whose effect shows within 20 steps."""

from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["METHODS", "ROTATED", "TASKS", "TRIAL_TASKS", "SmallPlugin"]


class SmallPlugin(NamedTuple):
    """A shipped plugin with parameters for checks.

    Attributes:
        use: the name of the plugin.
        parameters: values of the plugin's parameters; other parameters keep their defaults.
    """

    use: str
    parameters: Mapping[str, Any]


_MNIST = {"samples": 22, "test_samples": 20, "width": 6, "batch_size": 8, "init_scale": 2.0}

TASKS = {  # label -> task; shipped tasks are checked with all of these settings, a user's task at its defaults
    "xor": SmallPlugin("xor", {"dimensions": 12, "width": 6, "samples": 20, "test_samples": 16, "epsilon": 0.5}),
    "sparse_parity": SmallPlugin("sparse_parity", {"bits": 8, "relevant": 2, "samples": 40, "width": 7}),
    "modular_addition": SmallPlugin(  # 22 examples: batches of 8, 8 and 6
        "modular_addition", {"modulus": 7, "width": 6, "train_fraction": 0.45, "batch_size": 8}
    ),
    "modular_transformer": SmallPlugin(
        "modular_transformer", {"modulus": 7, "train_fraction": 0.45, "d_model": 8, "heads": 2, "d_mlp": 6}
    ),
    "modular_transformer_frozen": SmallPlugin(
        "modular_transformer",
        {"modulus": 7, "train_fraction": 0.45, "d_model": 6, "heads": 3, "d_mlp": 5, "freeze": ["W_E", "W_U"]},
    ),
    "mnist": SmallPlugin("mnist", _MNIST),
    "mnist_mse": SmallPlugin("mnist", {"loss": "mse", **_MNIST}),
    "cifar10": SmallPlugin(  # 12 examples: batches of 5, 5 and 2
        "cifar10", {"samples": 12, "test_samples": 10, "width": 2, "classifier_width": 6, "batch_size": 5}
    ),
}

# Labels of the tasks that methods and metrics are checked on. None needs data files. In order, they have SGD with L2,
# AdamW with biases, batches of two sizes, and frozen parameters.
TRIAL_TASKS = ("xor", "sparse_parity", "modular_addition", "modular_transformer_frozen")

# A task that can be trained in rotated coordinates, since it has more dimensions than hidden units and training inputs.
ROTATED = SmallPlugin("xor", {"dimensions": 60, "width": 6, "samples": 20, "test_samples": 16, "epsilon": 0.5})

METHODS = {  # label -> method; shipped methods are checked with these settings, a user's method at its defaults
    "baseline": SmallPlugin("baseline", {}),
    "placebo": SmallPlugin("placebo", {"scale": 0.01}),
    "grokfast_ema": SmallPlugin("grokfast_ema", {"alpha": 0.8, "lamb": 0.5}),
    "grokfast_ma": SmallPlugin("grokfast_ma", {"window": 3, "lamb": 2.0}),
    "orthograd": SmallPlugin("orthograd", {}),
    "orthograd_text": SmallPlugin("orthograd", {"rescale": False, "scope": "global"}),
    "orthograd_decay": SmallPlugin("orthograd", {"project_decay": True}),
    "grokalign": SmallPlugin("grokalign", {"strength": 0.02}),
    "grokalign_frobenius": SmallPlugin("grokalign", {"strength": 0.1, "norm": "frobenius", "projections": 2}),
    "grokalign_exact": SmallPlugin("grokalign", {"strength": 0.02, "estimator": "exact"}),
    "grokalign_negative": SmallPlugin("grokalign", {"strength": -0.001}),
    "jacobian_level": SmallPlugin("jacobian_level", {"strength": 0.1, "level": 2.0}),
    "clip_gradients": SmallPlugin("clip_gradients", {"max_norm": 0.05}),
    "gaussian_noise": SmallPlugin("gaussian_noise", {"scale": 0.2, "floor": 0.05}),
    "pgd_training": SmallPlugin("pgd_training", {"radius": 0.1, "step_size": 0.04, "steps": 3}),
    "pgd_training_still": SmallPlugin(
        "pgd_training", {"radius": 0.1, "step_size": 0.1, "steps": 1, "random_start": False}
    ),
    "norm_sphere": SmallPlugin("norm_sphere", {}),
    "norm_sphere_cap": SmallPlugin("norm_sphere", {"scope": "tensor", "cap": True}),
    "stablemax": SmallPlugin("stablemax", {}),
    "logit_temperature": SmallPlugin("logit_temperature", {}),
    "label_smoothing": SmallPlugin("label_smoothing", {"epsilon": 0.2}),
    "spectral_decoupling": SmallPlugin("spectral_decoupling", {"strength": 0.1}),
    "radial_suppression": SmallPlugin("radial_suppression", {}),
    "l1": SmallPlugin("l1", {"strength": 0.01}),
    "l2_to_init": SmallPlugin("l2_to_init", {"strength": 0.1}),
    "dropout": SmallPlugin("dropout", {"p": 0.2}),
    "gradient_noise": SmallPlugin("gradient_noise", {}),
    "clip_to_grok": SmallPlugin("clip_to_grok", {"c": 0.8}),
    "neuralgrok": SmallPlugin("neuralgrok", {"width": 8, "period": 3, "share": 0.1, "outer_lr": 0.1}),
    "clip_to_grok_unchanged": SmallPlugin("clip_to_grok", {"c": 0.4, "start": "unchanged"}),
    "muon": SmallPlugin("muon", {}),
    "muon_one_step": SmallPlugin(
        "muon", {"steps": 1, "nesterov": False, "scale": False, "weight_decay": 0.1, "roles": ["input", "readout"]}
    ),
    "egd": SmallPlugin("egd", {"lr": 0.05}),
    "soap": SmallPlugin("soap", {"frequency": 3, "eps": 1.0}),  # a small eps amplifies rounding errors
    "schedule_free": SmallPlugin("schedule_free", {}),
    "sam": SmallPlugin("sam", {}),
    "lookahead": SmallPlugin("lookahead", {"k": 3}),
    "ema": SmallPlugin("ema", {"decay": 0.9}),
    "swa": SmallPlugin("swa", {}),
    "cosine": SmallPlugin("cosine", {}),
    "warm_up": SmallPlugin("warm_up", {}),
}
