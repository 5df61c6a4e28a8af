"""What the runs of a folder say: effects, tests and rows, without torch and without a word of how they are shown.

`outcomes` are a cell's times, some of them censored; `effects` what a method does to them over paired seeds;
`comparison` pairs every cell of a folder, and `ranking` makes rows of that, with their `notes`. `contrast` sets two
folders side by side, `seconds` is what methods cost, `power` how many seeds it takes to tell.
"""
