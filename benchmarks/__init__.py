"""Benchmarks of speed, run from the checkout by `python -m benchmarks`.

`--part speed` compares the engine with a plain PyTorch loop, with the procedure of the paper's authors and with a lower
bound on time, the floor. `--part peers` compares the engine's ways of running with JAX, on one thread. `--part scaling`
trains more and more seeds with the engine. `--part startup` times commands, and `--part report` the report of a large
folder. `python -m benchmarks.page` prints measured tables in Markdown. `python -m benchmarks.gpu` runs every check that
needs a CUDA device.
"""
