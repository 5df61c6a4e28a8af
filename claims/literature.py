"""Claims of the literature about accelerators of grokking: their sources, settings and published ratios.

The ratios are numbers of epochs or steps of the baseline, divided by those of the method. `claims.verdicts` has the
rules by which the claims are judged.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

__all__ = ["CLAIMS", "RANKED", "Contrast", "Reported"]

UNTUNED, TUNED = "accelerators", "accelerators-tuned"
RANKED = ("parity", "quadratic", "relu", "division", "mnist")
CHEAP = ("parity", "quadratic", "division")
GROKALIGN_ON_MNIST = 2508 / 328  # with cross-entropy, the loss of the suite; with the squared error 7496 / 1154


@dataclass(frozen=True)
class Contrast:
    """Two rows of a suite whose ratio a claim is about.

    Attributes:
        method: the label of the method.
        against: the label of the reference; empty for the baseline.
        published: task -> the published ratio, above 1, or None if the source gives none. The tasks are those whose
            setting is nearest to the source's; they decide the verdict. Empty for rows that are only shown.
        suite: the suite.
        slower: True if the claim is that the method is slower. The ratio is then turned over.
    """

    method: str
    against: str = ""
    published: Mapping[str, float | None] = field(default_factory=dict)
    suite: str = UNTUNED
    slower: bool = False


@dataclass(frozen=True)
class Reported:
    """A claim of the literature.

    Attributes:
        name: the method, or the subject.
        source: the publication.
        says: the claim and its setting.
        differs: the differences between the source's setting and ours.
        contrasts: the rows on which the claim is judged, and those that are shown beside them.
    """

    name: str
    source: str
    says: str
    differs: str
    contrasts: tuple[Contrast, ...]

    @property
    def shown(self) -> tuple[Contrast, ...]:
        """The contrasts, and those of the same rows with tuned settings, which decide nothing."""
        tuned = [replace(each, published={}, suite=TUNED) for each in self.contrasts if each.suite == UNTUNED]
        return (*self.contrasts, *tuned)


CLAIMS = (
    Reported(
        "Grokfast",
        "Lee, Kang, Kim and Lee, arXiv:2405.20233, with the README of their code",
        "Multiplication modulo 97, two-layer decoder of width 128, batches of 512: 95% validation accuracy after 910 "
        "steps, and after 39,890 without Grokfast (43.8x). MNIST with an enlarged initialisation: 2,001 and 44,022 "
        "steps (22.0x). Single runs.",
        "In the source, Grokfast has another weight decay than its baseline: 0.005 and 0 on multiplication, 2 and 0.01 "
        "on MNIST. Here `grokfast` has the baseline's decay, and this row decides. `grokfast_with_decay` has the "
        "source's decay; it stands beside the baseline, as in the source, and beside a control with the same decay. "
        "The nearest tasks are division with one layer, and MNIST.",
        (
            Contrast("grokfast", published={"division": 39890 / 910, "mnist": 44022 / 2001}),
            Contrast("grokfast_with_decay"),
            Contrast("grokfast_with_decay", "decay_of_grokfast"),
        ),
    ),
    Reported(
        "OrthoGrad",
        "Prieto, Barsbey, Mediano and Birdal, ICLR 2025, arXiv:2501.04697; Walker et al., Table 1",
        "Prieto et al.: networks without weight decay, which stay at memorisation, generalise, and do so without a "
        "delay (modular arithmetic and sparse parity; no table of epochs). Walker et al.: 256 epochs instead of 2,128 "
        "on sparse parity with a decay of 0.1 (8.3x), no gain on MNIST with cross-entropy (0.94x), unstable on "
        "modular addition; 25 seeds.",
        "The gradient is rescaled to its length, as in the authors' code and not in their text. The decay, where the "
        "task has one, is not projected.",
        (Contrast("orthograd", published={"parity_no_decay": None, "parity": 2128 / 256}),),
    ),
    Reported(
        "StableMax",
        "Prieto, Barsbey, Mediano and Birdal, ICLR 2025, arXiv:2501.04697",
        "With StableMax in place of softmax, networks without weight decay generalise. No table of epochs; the "
        "authors' scripts train for 80,000 to 100,000. An issue of their repository reports that StableMax is slower "
        "than softmax where there is a weight decay.",
        "The control without decay ends long before the authors' scripts do. If no seed groks by then, on either side, "
        "the claim is not contradicted: it is *not decided*. The logarithm of StableMax is computed without a "
        "quotient.",
        (Contrast("stablemax", published={"parity_no_decay": None}),),
    ),
    Reported(
        "Muon",
        "Tveit, Remseth and Skogvold, arXiv:2504.16041; also arXiv:2607.20512 and arXiv:2608.07436",
        "Transformers, seven tasks, several variants of softmax: 102.89 epochs to grok in the mean, and 153.09 with "
        "AdamW (1.49x, p = 6.3e-8). Of a single Newton-Schulz step: it reaches the criterion, and loses it again on 6 "
        "of 8 seeds. Of time: a gain of 2.22x in steps is one of 1.28x in seconds.",
        "The task's optimizer updates the parameters that are no hidden matrices, and each step decays the weights as "
        "much as in the task. Grokking has to last here. The nearest task is division.",
        (Contrast("muon", published={"division": 153.09 / 102.89}), Contrast("muon_one_step", "muon")),
    ),
    Reported(
        "Egalitarian gradient descent",
        "Saheb Pasand and Dohmatob, ICLR 2026, arXiv:2510.04930",
        "The plateau between memorisation and generalisation disappears, on modular addition (ReLU, width 512, moduli "
        "79 to 127) and on sparse parity. No table of epochs was found.",
        "The authors' code returns to plain gradient descent once the *test* accuracy exceeds 0.95; here it does not. "
        "The reference is the task's AdamW, and not plain gradient descent.",
        (Contrast("egd", published={"relu": None, "parity": None}),),
    ),
    Reported(
        "NeuralGrok",
        "Zhou, Fan, Jaggi and Fu, arXiv:2504.17243",
        "Transformers on modular arithmetic: training until generalisation is more than 50% shorter, that is, a ratio "
        "of at least 2 (from the abstract and from summaries).",
        "The amplifier is trained on a reserved share of the training set, so that no further labels are used. The "
        "gradients are not clipped. The nearest task is division.",
        (Contrast("neuralgrok", published={"division": 2.0}),),
    ),
    Reported(
        "Clip to Grok",
        "NiftyliuS, github.com/NiftyliuS/cliptogrok, 2026",
        "Multiplication modulo 97, two-layer decoder of width 128, batches of 512: 35,040 steps with AdamW and a "
        "decay of 0.01; with clipping and no decay, 1,200 with Adam (29.2x) and 550 with Lion; 200 seeds, none of "
        "which failed. The reference was not tuned.",
        "The task's optimizer without decay, so the ratio with Adam is the one to compare with. The reference has the "
        "decay of the task's source, and not 0.01. The nearest task is division with one layer.",
        (Contrast("clip_to_grok", published={"division": 35040 / 1200}),),
    ),
    Reported(
        "Radial suppression",
        "Tiwari, Chauhan and Singh, arXiv:2606.32000",
        "Modular addition (moduli 97, 137, 211), two layers of width 512, AdamW with a decay of 0.001, batches of 256, "
        "5 seeds: 2,460 epochs instead of 15,540 (6.3x); 1.5x on a transformer.",
        "A smaller modulus, a larger decay and smaller batches, since a run with the source's takes some 200 times as "
        "long. The penalty is the mean over the hidden layers.",
        (Contrast("radial_suppression", published={"relu": 15540 / 2460}),),
    ),
    Reported(
        "GrokAlign",
        "Walker, Humayun, Balestriero and Baraniuk, Table 1",
        "Sparse parity: 110 epochs instead of 2,128 (19.3x). Modular addition, quadratic network: 200 instead of 268 "
        "(1.34x). MNIST: 328 instead of 2,508 with cross-entropy (7.6x), 1,154 instead of 7,496 with the squared error "
        "(6.5x). 25 seeds. No gain on a transformer with learnt embeddings.",
        "The strengths are theirs; the norm is not stated for every task. Theirs is the first crossing of the "
        "criterion, and here grokking has to last. [Table 1 reproduced](reproduction.md) repeats their protocol.",
        (Contrast("grokalign", published={"parity": 2128 / 110, "quadratic": 268 / 200, "mnist": GROKALIGN_ON_MNIST}),),
    ),
    Reported(
        "Weight averaging",
        "Izmailov et al., arXiv:1803.05407 (SWA); Tarvainen and Valpola, arXiv:1703.01780 (EMA); Defazio et al., "
        "arXiv:2405.15682 (schedule-free)",
        "Averaged weights generalise better than the last ones, in supervised training at large. No published number "
        "of epochs to grok was found.",
        "The mean of SWA starts with training and not after three quarters of it, because the epoch of grokking is not "
        "known beforehand. Schedule-free AdamW has the authors' learning rate and the task's decay.",
        (
            Contrast("ema", published=dict.fromkeys(RANKED)),
            Contrast("swa", published=dict.fromkeys(CHEAP)),
            Contrast("schedule_free", published=dict.fromkeys(RANKED)),
        ),
    ),
    Reported(
        "Tuned AdamW",
        "*Grokking Baseline Revisited*, a draft for the ICLR blog track, 2025",
        "AdamW with a tuned learning rate and decay needs fewer epochs (medians over 64 seeds) than AdamW with "
        "OrthoGrad on 4 of 6 architectures; one is undecided.",
        "Both rows have the same number of trials on seeds below 1000. A ratio is that of OrthoGrad's epochs to "
        "AdamW's. `rate_x3` and `decay_x10` show what one setting gives without a search.",
        (
            Contrast("orthograd", published=dict.fromkeys(CHEAP), suite=TUNED, slower=True),
            Contrast("rate_x3"),
            Contrast("decay_x10"),
        ),
    ),
)
