"""Speed, side by side with the loop one would otherwise write: `python -m benchmarks`, from the checkout."""
