"""Submissions to the open leaderboard: packed folders that pull requests add, and the checks of such a request.

schema        the JSON schema of the files
folder        the checks that need the folder alone: files, schema, privacy, completeness
curves        contradictions between an outcome and its own curve
agreement     contradictions between a folder and its suite, the plugins that are installed, and the reference
draws         the replicas to recompute, and the chance that altered ones are among them
tolerance     the accepted difference between a recomputed and a submitted outcome
recomputing   training of the drawn replicas
checking      the whole check of a pull request
body          the text of a pull request
preparing     the folder that a pull request adds
"""
