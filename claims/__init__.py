"""Claims of publications, judged on results folders.

`claims.page` makes docs/paper.md, on "What deep networks want to learn and how to get there".
`claims.leaderboard` makes docs/leaderboard.md, on the accelerators of the literature.
"""
