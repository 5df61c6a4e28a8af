"""Speed, side by side with the loop one would otherwise write: `python -m benchmarks`, from the checkout.

`--part speed` compares engine, plain loop, the authors' procedure and the floor; `--part scaling` gives the engine more
and more seeds; `--part startup` waits for commands, `--part report` for the page of a large folder. `python -m
benchmarks.gpu` is all that is asked of a CUDA device.
"""
