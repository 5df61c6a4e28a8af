"""The orchestration behind `grokbench run`: a request becomes a plan, the plan jobs, their results a folder.

request       a user's request, resolved into a plan
pipeline      the phases of a run: find the missing replicas, train, time, judge
stored        the plan compared with the runs in its results folder
scheduling    groups of replicas to train, tasks to time
group_sizes   how many replicas train together
devices       the device of each worker
execute       a run with its display and its observers
observing     the observers of a run
progress      the display
restoring     kept weights, put back into replicas with their data
evaluating    a metric measured afterwards, on kept weights
"""
