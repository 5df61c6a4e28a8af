"""The launcher `slurm`: job arrays, submitted through submitit; results come back through the results folder's inbox.

launcher      the command's side: what is submitted, awaited and submitted again
queue         Slurm's commands: submit, list, cancel
pack          the work of one Slurm job, on its node
"""
