"""Submissions to the open leaderboard: packed folders that a pull request adds, and the check of such a request.

schema        the JSON schema of the files
folder        the rules that a folder can be checked by alone: files, schema, privacy, completeness
curves        contradictions between an outcome and its own curve
agreement     contradictions between a folder and its suite, the plugins that are installed, and the reference
draws         which replicas are recomputed, and the chance of catching altered ones
tolerance     how far a recomputed outcome may lie from the submitted one
recomputing   training of the drawn replicas
checking      the whole check of a pull request
body          the text of a pull request
preparing     the folder that a pull request adds
"""
