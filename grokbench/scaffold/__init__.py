"""`grokbench new`: the files of a new plugin, made from templates."""
