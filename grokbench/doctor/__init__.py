"""`grokbench doctor`: what this machine and this installation can run."""
