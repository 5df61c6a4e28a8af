"""Claims of Figures 5 and 8 and of Tables 1, 4 and 5 as predicates over results folders, as in `claims.mnist`."""

from claims.evidence import Results
from claims.judged import BySeed, Judged, every_seed, sooner

# Figure 5 and Table 5


def grokalign_has_the_higher_peak(results: Results) -> Judged:
    """GrokAlign's largest accuracy under attack is above weight decay's (39.8% and 37.6% in the paper)."""
    peaks = [
        {seed: max(curve.values()) for seed, curve in results.curves("cifar10", method, "pgd_normalised").items()}
        for method in ("baseline", "grokalign")
    ]
    return every_seed(*peaks, names="largest accuracy under attack, weight decay, GrokAlign")


def alignment_tells_when_to_stop(results: Results, slack: float = 0.01) -> Judged:
    """When its centroid alignment is largest, GrokAlign's network has nearly its largest accuracy under attack."""
    aligned = results.curves("cifar10", "grokalign", "centroid_cosine")
    attacked = results.curves("cifar10", "grokalign", "pgd_normalised")
    best = {seed: max(curve, key=lambda epoch, at=curve: at[epoch]) for seed, curve in aligned.items()}
    there = results.at("cifar10", "grokalign", "pgd_normalised", best)
    lost = {seed: max(attacked[seed].values()) - there[seed] for seed in there}
    return every_seed(lost, dict.fromkeys(lost, slack), names="accuracy under attack lost there, allowed")


def grokalign_is_more_robust_to_corruptions(results: Results) -> Judged:
    """GrokAlign's mean accuracy on CIFAR-10-C is above weight decay's (63.6% and 61.8% in the paper)."""
    ends = [results.last("cifar10", method, "mean") for method in ("baseline", "grokalign")]
    return every_seed(*ends, names="mean accuracy on CIFAR-10-C, weight decay, GrokAlign")


# Figure 8


def frozen_embeddings_let_grokalign_accelerate(results: Results) -> Judged:
    """With frozen embeddings, GrokAlign groks sooner than weight decay."""
    return sooner(*_grokking(results, "frozen"), names="frozen embeddings, GrokAlign, weight decay")


def learnt_embeddings_do_not(results: Results) -> Judged:
    """With learnt embeddings, GrokAlign groks sooner than weight decay on at most half of the seeds."""
    fast, slow = _grokking(results, "learnt")
    found = sooner(fast, slow, names="learnt embeddings, GrokAlign, weight decay")
    return Judged(2 * sum(fast[seed] < slow[seed] for seed in fast) <= len(fast), found.said)


def grokalign_lowers_the_gini(results: Results) -> Judged:
    """With learnt embeddings, GrokAlign ends with a lower Gini coefficient of the embedding than weight decay."""
    ends = [results.last("learnt", method, "gini") for method in ("grokalign", "baseline")]
    return every_seed(*ends, names="Gini of the embedding at the end, GrokAlign, weight decay")


def _grokking(results: Results, task: str) -> list[BySeed]:
    return [results.grokked(task, method) for method in ("grokalign", "baseline")]


# Tables 1 and 4


def effects_are_reproduced(results: Results) -> Judged:
    """Every published ratio of epochs has the verdict "effect reproduced" here."""
    verdicts = [row.verdict for row in results.rows.values() if row.published_speedup and row.verdict]
    count = sum(verdict == "effect reproduced" for verdict in verdicts)
    return Judged(count == len(verdicts) > 0, f"{count} of {len(verdicts)} effects reproduced")


def grokalign_beats_grokfast(results: Results) -> Judged:
    """On every task GrokAlign needs fewer epochs than GrokFast."""
    return _fewer(results, "grokfast")


def only_xor_favours_orthograd(results: Results) -> Judged:
    """OrthoGrad needs fewer epochs than GrokAlign on XOR only."""
    rows = {task: (results.row(task, "grokalign"), results.row(task, "orthograd")) for task in results.tasks}
    faster = [task for task, (ours, theirs) in rows.items() if (theirs.epochs_mean or 0.0) < (ours.epochs_mean or 0.0)]
    return Judged(faster == ["xor"], f"OrthoGrad needs fewer epochs than GrokAlign on {', '.join(faster) or 'no task'}")


def grokalign_saves_seconds(results: Results) -> Judged:
    """GrokAlign saves seconds on every task but modular addition."""
    rows = {task: results.row(task, "grokalign").seconds_speedup for task in results.tasks}
    slower = [task for task, ratio in rows.items() if ratio is None or ratio <= 1]
    return Judged(
        slower == ["modular_addition"], f"in seconds GrokAlign is not faster on {', '.join(slower) or 'no task'}"
    )


def _fewer(results: Results, other: str) -> Judged:
    pairs = {
        task: (results.row(task, "grokalign").epochs_mean, results.row(task, other).epochs_mean)
        for task in results.tasks
    }
    held = [task for task, (ours, theirs) in pairs.items() if ours is not None and theirs is not None and ours < theirs]
    return Judged(
        held == results.tasks, f"GrokAlign needs fewer epochs than {other} on {len(held)} of {len(pairs)} tasks"
    )
