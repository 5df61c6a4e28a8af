"""The Python interface: run a suite, read its runs, show its leaderboard; `import grokbench` offers all of it."""
