"""The paper's figures, tables and theorems as data: the suite or the tests behind each, and its claims."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from claims import mnist, others
from claims.evidence import Results
from claims.judged import Judged

__all__ = ["ITEMS", "THEOREMS", "Claim", "Item", "Theorem"]


@dataclass(frozen=True)
class Claim:
    """A claim of the paper.

    Attributes:
        text: the claim.
        judge: the predicate.
        reduced: the suite of `claims.reduced` on which `nox -s claims` judges the claim too; empty if there is none.
    """

    text: str
    judge: Callable[[Results], Judged]
    reduced: str = ""


@dataclass(frozen=True)
class Item:
    """A figure or a table.

    Attributes:
        name: its name in the paper.
        shows: its content in a few words.
        suites: the shipped suites that train it: at the paper's size first, then cut down.
        plot: what to draw, as arguments of `grokbench plot DIR`; empty for a leaderboard.
        claims: what the paper concludes from it.
    """

    name: str
    shows: str
    suites: tuple[str, ...]
    plot: str
    claims: tuple[Claim, ...]


@dataclass(frozen=True)
class Theorem:
    """A statement with a proof in the paper.

    Attributes:
        name: its name in the paper.
        says: the statement in a few words.
        outcome: how far the tests confirm it.
        tests: the tests, each as `file::name`; a name may be the common beginning of several.
    """

    name: str
    says: str
    outcome: str
    tests: tuple[str, ...]


NOISE = {"method": "gaussian_noise"}
ATTACK = {"method": "pgd_training"}

ITEMS = (
    Item(
        "Figure 1",
        "linear regions and centroids when memorised and when aligned",
        ("figure1",),
        "slices",
        (Claim("the centroids align with their images", mnist.centroids_align),),
    ),
    Item(
        "Figure 2",
        "XOR: alignment and norm of a centroid, and accuracies",
        ("figure2",),
        "figure2",
        (
            Claim("alignment rises as the network generalises, and again", mnist.xor_alignment_rises, "figure2"),
            Claim("the norms of the centroids rise, then wither", mnist.xor_norm_rises_and_falls, "figure2"),
        ),
    ),
    Item(
        "Figure 3",
        "MNIST: effective rank of the Jacobian, for two losses",
        ("figure3",),
        "figure3",
        (Claim("PC1 rises in all four trainings", mnist.pc1_rises, "figure3"),),
    ),
    Item(
        "Figure 4",
        "MNIST: alignment and accuracies, weight decay and GrokAlign",
        ("figure4",),
        "figure4",
        (
            Claim("alignment rises during grokking", mnist.mnist_alignment_rises, "figure4"),
            Claim("GrokAlign ends better aligned", mnist.grokalign_centroids_are_better_aligned, "figure4"),
            Claim("GrokAlign ends more accurate under attack", mnist.grokalign_ends_robust, "figure4"),
            Claim("GrokAlign reaches 60% under attack sooner (62% fewer)", mnist.grokalign_is_robust_sooner),
        ),
    ),
    Item(
        "Figure 5",
        "CIFAR-10: alignments, inner products, accuracy under attack",
        ("figure5", "figure5-small"),
        "figure5",
        (
            Claim("GrokAlign's largest accuracy under attack is higher", others.grokalign_has_the_higher_peak),
            Claim("centroid alignment tells when to stop", others.alignment_tells_when_to_stop),
        ),
    ),
    Item(
        "Figure 6",
        "MNIST: Grok(Un)Align, GrokAlign with a negative strength",
        ("figure6",),
        "figure6",
        (
            Claim("Grok(Un)Align keeps the norms of the centroids high", mnist.unalign_keeps_norms_high, "figure6"),
            Claim("Grok(Un)Align does not align", mnist.unalign_does_not_align, "figure6"),
            Claim("Grok(Un)Align does not generalise", mnist.unalign_does_not_generalise, "figure6"),
        ),
    ),
    Item(
        "Figure 7",
        "MNIST, squared error: weight decay, GrokAlign, adversarial training",
        ("figure7",),
        "figure7",
        (
            *(
                Claim(f"adversarial training ({name}) {text}", partial(judge, **method), "figure7")
                for name, method in (("noise", NOISE), ("attack", ATTACK))
                for text, judge in (
                    ("ends with an alignment in between", mnist.adversarial_training_lies_between),
                    ("generalises at a time in between", mnist.adversarial_training_accelerates_less),
                )
            ),
        ),
    ),
    Item(
        "Figure 8",
        "modular addition: a transformer with learnt and with frozen embeddings",
        ("figure8", "figure8-small"),
        "figure8",
        (
            Claim("frozen: GrokAlign groks sooner", others.frozen_embeddings_let_grokalign_accelerate, "figure8-small"),
            Claim("learnt: GrokAlign does not grok sooner", others.learnt_embeddings_do_not, "figure8-small"),
            Claim("learnt: GrokAlign lowers the Gini coefficient", others.grokalign_lowers_the_gini, "figure8-small"),
        ),
    ),
    Item("Figure 9", "Figure 1 at other images", ("figure1",), "other_slices", ()),
    Item(
        "Figure 10",
        "Figure 1 for weight decay and for GrokAlign",
        ("figure1",),
        "slices",
        (Claim("GrokAlign's centroids are better aligned", mnist.grokalign_centroids_are_better_aligned),),
    ),
    Item(
        "Table 1",
        "epochs to grok of four methods on five tasks",
        ("paper",),
        "",
        (
            Claim("all 13 ratios", others.effects_are_reproduced),
            Claim("GrokAlign is always faster than GrokFast", others.grokalign_beats_grokfast, "quick"),
            Claim("OrthoGrad is faster than GrokAlign on XOR only", others.only_xor_favours_orthograd),
        ),
    ),
    Item(
        "Table 4",
        "the same in seconds",
        ("paper",),
        "",
        (Claim("GrokAlign saves seconds except on modular addition", others.grokalign_saves_seconds),),
    ),
    Item(
        "Table 5",
        "CIFAR-10-C, by corruption",
        ("table5", "table5-small"),
        "",
        (Claim("GrokAlign is more accurate in the mean", others.grokalign_is_more_robust_to_corruptions),),
    ),
)

DYNAMICS, ALIGNMENT, GEOMETRY = (f"tests/test_theorems_{name}.py" for name in ("dynamics", "alignment", "geometry"))

THEOREMS = (
    Theorem(
        "Theorem 2, Equation 1",
        "the centroid of a network's region is the sum of the Jacobian's rows",
        "holds for one layer and for convex networks; a signed readout is a counter-example",
        (
            f"{GEOMETRY}::test_the_metrics_measure_the_centroid",
            f"{GEOMETRY}::test_a_convex_network",
            f"{GEOMETRY}::test_a_signed_readout",
        ),
    ),
    Theorem(
        "Theorem 4",
        "the tangent kernel moves the inner product of a point with its centroid",
        "holds without biases",
        (f"{DYNAMICS}::test_theorem_4",),
    ),
    Theorem(
        "Corollary 6",
        "an aligned Jacobian makes an aligned centroid",
        "holds; it is empty where the rows cancel, and has no converse",
        (f"{ALIGNMENT}::test_corollary_6",),
    ),
    Theorem(
        "Theorem 7",
        "of rank-one Jacobians the aligned one is the most robust",
        "holds as stated, and needs a bias of zero",
        (f"{ALIGNMENT}::test_theorem_7",),
    ),
    Theorem(
        "Theorem 8, Equation 10",
        "a bound on the Jacobian's norm aligns it",
        "holds where the bound is reached; Equation 10 has a wrong sign",
        (f"{ALIGNMENT}::test_theorem_8", f"{ALIGNMENT}::test_equation_10"),
    ),
    Theorem(
        "Proposition 9",
        "the centroids of a network with several outputs under gradient descent",
        "holds for every loss; the paper prints another m",
        (f"{DYNAMICS}::test_proposition_9",),
    ),
    Theorem(
        "Corollary 10",
        "the second term of Proposition 9 vanishes",
        "holds for the cross-entropy, as stated, and fails for the squared error",
        (f"{DYNAMICS}::test_corollary_10",),
    ),
    Theorem(
        "Theorems 11 and 12",
        "layers, and the layers so far, partition their inputs by power diagrams",
        "a layer does; deeper networks subdivide each region by one, and make none together",
        (
            f"{GEOMETRY}::test_a_relu_layer_is_a_power_diagram",
            f"{GEOMETRY}::test_a_deep_network_subdivides",
            f"{GEOMETRY}::test_the_subdivisions_make_no_power_diagram",
        ),
    ),
    Theorem(
        "Lemmas 13 and 14",
        "the centroid and the tangent kernel of two layers",
        "hold",
        (f"{DYNAMICS}::test_lemma_13", f"{DYNAMICS}::test_lemma_14"),
    ),
    Theorem(
        "Theorem 15",
        "the radius of a region",
        "holds with a plus in place of the minus, as in Theorem 11",
        (f"{GEOMETRY}::test_the_minus_of_theorem_15",),
    ),
    Theorem(
        "Section 4.3",
        "centroid alignment costs little",
        "a measurement on the training set takes fewer operations than an epoch of training",
        ("tests/test_claims.py::test_a_measurement_of_centroid_alignment_costs_less_than_an_epoch",),
    ),
)
