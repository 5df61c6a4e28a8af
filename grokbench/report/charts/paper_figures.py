"""The figures of curves in Walker et al., "What deep networks want to learn and how to get there", as data.

The labels of tasks, methods and metrics are those of the suites `figure2` to `figure8`. A figure can be drawn from any
folder with some of these labels; panels without curves are left out. Figures 1, 9 and 10 are drawn by `slices`.
"""

from grokbench.report.charts.panel import Mark, Panel, PanelFigure

__all__ = ["PAPER_FIGURES"]

SHARE = (0.0, 1.0)
ACCURACIES = {"test_accuracy": "test", "train_accuracy": "train"}
ATTACKED = {"test_accuracy": "test", "train_accuracy": "train", "pgd": "attacked"}
ALIGNED = {**ATTACKED, "centroid_alignment": "centroid alignment"}

PAPER_FIGURES = {
    "figure2": PanelFigure(
        "XOR: alignment and norm of a centroid, and accuracies",
        (
            Panel("centroid alignment", {"alignment": "alignment"}),
            Panel("centroid norm", {"norm": "norm"}, log=True),
            Panel("accuracy", {**ACCURACIES, "noise_accuracy": "noisy inputs"}, span=SHARE),
        ),
        marks=(Mark("noise_accuracy", "> 0.95", "accuracy on noisy inputs"),),
    ),
    "figure3": PanelFigure(
        "MNIST: effective rank of the Jacobian, for two losses",
        (
            Panel("PC1, cross-entropy", {"pc1": "PC1"}, task="cross_entropy"),
            Panel("PC1, squared error", {"pc1": "PC1"}, task="squared_error"),
        ),
        columns=2,
    ),
    "figure4": PanelFigure(
        "MNIST: alignment and accuracies, with weight decay and with GrokAlign",
        (
            Panel("weight decay", ALIGNED, methods=("baseline",), span=(-0.1, 1.0)),
            Panel("GrokAlign", ALIGNED, methods=("grokalign",), span=(-0.1, 1.0)),
        ),
        columns=2,
        marks=(Mark("pgd", "> 0.60", "accuracy under attack"),),
    ),
    "figure5": PanelFigure(
        "CIFAR-10: alignments, inner products, and accuracies under attack",
        (
            Panel("test accuracy", {"test_accuracy": "test"}),
            Panel("Jacobian alignment", {"class_cosine": "cosine"}),
            Panel("Jacobian inner product", {"class_product": "product"}),
            Panel("accuracy under attack", {"pgd_normalised": "attacked"}),
            Panel("centroid alignment", {"centroid_cosine": "cosine"}),
            Panel("centroid inner product", {"centroid_product": "product"}),
        ),
        marks=(Mark("pgd_normalised", "> 0.30", "accuracy under attack"),),
    ),
    "figure6": PanelFigure(
        "MNIST: GrokAlign and its reverse, Grok(Un)Align",
        (
            Panel("centroid alignment", {"centroid_alignment": "alignment"}),
            Panel("centroid norm", {"centroid_norm": "norm"}, log=True),
            Panel("accuracy", ATTACKED, span=SHARE),
        ),
    ),
    "figure7": PanelFigure(
        "MNIST: weight decay, GrokAlign and adversarial training",
        (
            Panel("centroid alignment", {"centroid_alignment": "alignment"}),
            Panel("test accuracy", {"test_accuracy": "test"}, span=SHARE),
            Panel("accuracy under attack", {"pgd": "attacked"}, span=SHARE),
        ),
        marks=(Mark("test_accuracy", "> 0.80", "test accuracy"),),
    ),
    "figure8": PanelFigure(
        "modular addition: a transformer with learnt and with frozen embeddings",
        (
            Panel("accuracy, learnt W_E", ACCURACIES, task="learnt", span=SHARE),
            Panel("Gini, learnt W_E", {"gini": "W_E", "neuron_gini": "W_L"}, task="learnt"),
            Panel("accuracy, frozen W_E", ACCURACIES, task="frozen", span=SHARE),
        ),
        marks=(Mark("test_accuracy", "> 0.95", "test accuracy"),),
    ),
}
