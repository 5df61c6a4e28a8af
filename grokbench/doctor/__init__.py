"""`grokbench doctor`: checks of this machine and this installation."""
