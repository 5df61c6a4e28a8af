"""Claims of "What deep networks want to learn and how to get there", judged on results folders: see docs/paper.md."""
