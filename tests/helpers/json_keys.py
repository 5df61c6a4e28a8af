"""The keys of a leaderboard in JSON by section, and the version of the format; keys are never removed."""

VERSION = 4
KEYS = {
    "leaderboard": """
        schema_version suite protocol baseline environment seeds statistics tasks rows pairs aggregate
    """,
    "statistics": """
        primary correction alpha confidence rank_by equivalence interim_looks comparisons families
    """,
    "tasks": "budget evaluate_every criterion hold baseline_delay notes",
    "rows": """
        task regularizer seeds grokked censored diverged failed epochs_mean epochs_median epochs_std
        epochs_mean_bound epochs_median_low epochs_to_memorise delay first_mean first_median lasting
        lasting_mean lasting_median below_share below_again not_finite_after strict strict_mean
        strict_median lost worst speedup speedup_low speedup_high speedup_bound speedup_valid_end
        speedup_of_means speedup_of_means_low speedup_of_means_high p_sign_flip p_paired_t p_wilcoxon
        p_logrank p_misses_last deciding_test conclusion p_holm p_sequential family p_equivalence
        p_equivalence_holm effect_size superiority superiority_low superiority_high speedup_low_simultaneous
        speedup_high_simultaneous place skewness final seconds_per_epoch flop_per_epoch seconds_mean
        seconds_speedup seconds_speedup_low seconds_speedup_high seconds_speedup_bound
        seconds_speedup_valid_end privileges unverified_data reference published_epochs published_speedup
        published_speedup_low published_speedup_high published_metrics verdict notes marks comparisons identity
    """,
    "pairs": """
        task a b speedup low high bound p p_holm conclusion
    """,
    "aggregate": """
        regularizer speedup low high tasks left_out without
    """,
    "comparisons": """
        with speedup speedup_low speedup_high speedup_bound speedup_valid_end speedup_of_means deciding_test
        speedup_of_means_low speedup_of_means_high p p_holm p_sequential family effect_size superiority note
    """,
}
