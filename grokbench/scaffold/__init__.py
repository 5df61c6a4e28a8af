"""`grokbench new`: the files of a new plugin, written from templates."""
