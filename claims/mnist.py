"""Claims of Figures 1 to 4, 6, 7, 9 and 10 as predicates over results folders: XOR and MNIST.

A predicate takes `Results` and returns `Judged`; it raises `Missing` if the folder lacks what the claim is about. A
claim about curves holds if it holds on every seed. Labels are those of the shipped suites `figure1` to `figure7`.
"""

from claims.evidence import Results
from claims.judged import Judged, both, every_seed, sooner

GENERALISED = 0.80  # test accuracy of the criterion of MNIST in Table 3


# Figures 1, 9 and 10


def centroids_align(results: Results) -> Judged:
    """The centroids of the trained network are better aligned than those of the network that has memorised."""
    before = results.at("mnist", "grokalign", "centroid_alignment", results.memorised("mnist", "grokalign"))
    after = results.last("mnist", "grokalign", "centroid_alignment")
    return every_seed(before, after, names="alignment when memorised, at the end")


def grokalign_centroids_are_better_aligned(results: Results) -> Judged:
    """GrokAlign's centroids are better aligned than those of weight decay at the end."""
    ends = [results.last("mnist", method, "centroid_alignment") for method in ("baseline", "grokalign")]
    return every_seed(*ends, names="alignment at the end, weight decay, GrokAlign")


# Figure 2


def xor_alignment_rises(results: Results) -> Judged:
    """Alignment rises while the network generalises on XOR, and further until it is robust to noise."""
    times = [
        results.memorised("xor", "baseline"),
        results.crossing("xor", "baseline", "test_accuracy", 0.95),
        results.crossing("xor", "baseline", "noise_accuracy", 0.95),
    ]
    found = [results.at("xor", "baseline", "mean_alignment", at) for at in times]
    return every_seed(*found, names="mean alignment when memorised, generalising, robust")


def xor_norm_rises_and_falls(results: Results) -> Judged:
    """The norms of the centroids first rise, and fall again before the end."""
    curves = results.curves("xor", "baseline", "mean_norm")
    peaks = {seed: max(curve.values()) for seed, curve in curves.items()}
    return both(
        every_seed(results.first("xor", "baseline", "mean_norm"), peaks, names="mean norm at the start, at its peak"),
        every_seed(results.last("xor", "baseline", "mean_norm"), peaks, names="at the end, at its peak"),
    )


# Figure 3


def pc1_rises(results: Results) -> Judged:
    """The share of the Jacobian's first principal component rises, for both losses, with and without GrokAlign."""
    return both(
        *(
            every_seed(results.first(task, method, "pc1"), results.last(task, method, "pc1"), names=f"{task} {method}")
            for task in ("cross_entropy", "squared_error")
            for method in ("baseline", "grokalign")
        )
    )


# Figure 4


def mnist_alignment_rises(results: Results) -> Judged:
    """Centroid alignment rises while the network with weight decay groks on MNIST."""
    times = [
        results.memorised("mnist", "baseline"),
        results.crossing("mnist", "baseline", "test_accuracy", GENERALISED),
    ]
    found = [results.at("mnist", "baseline", "centroid_alignment", at) for at in times]
    return every_seed(*found, names="alignment when memorised, when generalising")


def grokalign_ends_robust(results: Results) -> Judged:
    """GrokAlign ends with a higher accuracy under attack than weight decay."""
    ends = [results.last("mnist", method, "pgd") for method in ("baseline", "grokalign")]
    return every_seed(*ends, names="accuracy under attack at the end, weight decay, GrokAlign")


def grokalign_is_robust_sooner(results: Results) -> Judged:
    """GrokAlign reaches 60% accuracy under attack, which is the criterion of `figure4`, in fewer epochs."""
    times = [results.grokked("mnist", method) for method in ("grokalign", "baseline")]
    return sooner(*times, names="60% under attack, GrokAlign, weight decay")


# Figure 6


def unalign_keeps_norms_high(results: Results) -> Judged:
    """Grok(Un)Align keeps the norms of the centroids higher than weight decay alone and GrokAlign do."""
    ends = [results.last("mnist", method, "centroid_norm") for method in ("baseline", "grokunalign")]
    grokalign = results.last("mnist", "grokalign", "centroid_norm")
    return both(
        every_seed(*ends, names="norm at the end, weight decay, Grok(Un)Align"),
        every_seed(grokalign, ends[1], names="GrokAlign, Grok(Un)Align"),
    )


def unalign_does_not_align(results: Results) -> Judged:
    """Grok(Un)Align ends with less than half of GrokAlign's centroid alignment."""
    half = {seed: 0.5 * value for seed, value in results.last("mnist", "grokalign", "centroid_alignment").items()}
    ends = results.last("mnist", "grokunalign", "centroid_alignment")
    return every_seed(ends, half, names="alignment at the end, Grok(Un)Align, half of GrokAlign")


def unalign_does_not_generalise(results: Results) -> Judged:
    """Grok(Un)Align never reaches the test accuracy of Table 3's criterion."""
    peaks = {
        seed: max(curve.values()) for seed, curve in results.curves("mnist", "grokunalign", "test_accuracy").items()
    }
    return every_seed(peaks, dict.fromkeys(peaks, GENERALISED), names="largest test accuracy, the criterion's")


# Figure 7


def adversarial_training_lies_between(results: Results, method: str) -> Judged:
    """The alignment at the end of adversarial training lies between those of weight decay and of GrokAlign."""
    ends = [results.last("mnist", each, "centroid_alignment") for each in ("baseline", method, "grokalign")]
    return every_seed(*ends, names="alignment at the end, weight decay, adversarial, GrokAlign")


def adversarial_training_accelerates_less(results: Results, method: str) -> Judged:
    """Adversarial training reaches the criterion sooner than weight decay, and later than GrokAlign."""
    times = [
        results.crossing("mnist", each, "test_accuracy", GENERALISED) for each in ("grokalign", method, "baseline")
    ]
    return both(
        sooner(times[0], times[1], names="80% test accuracy, GrokAlign, adversarial"),
        sooner(times[1], times[2], names="adversarial, weight decay"),
    )
