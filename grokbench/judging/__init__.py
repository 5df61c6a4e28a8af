"""What the runs of a folder say: effects, tests and rows. Without torch; how they are shown is `report` and `page`.

`outcomes` are a cell's times, some of them censored, and `effects` what a method does to them, seed by seed;
`comparison` sets every cell of a folder beside its baseline, and `ranking` makes rows of that, with their `notes`;
`best` and `ties` say who leads a task, and with whom. `contrast` is two folders and the `differences` between them,
`seconds` what methods cost, `power` how many seeds it takes to tell; `bands` are curves, seeds together, and `evidence`
all of it for a figure or a page.
"""
