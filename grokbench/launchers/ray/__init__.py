"""The launcher `ray`: workers on the nodes of a Ray cluster, whose events come back to the command.

The modules of this package:

launcher        the launcher
connection      the connection to an existing cluster, or to one on this machine that the command starts and ends
cluster         the nodes of a cluster, and the workers that it has places for
devices         the workers for which a cluster has places
pool            the workers and their jobs, which start again if their worker is lost
handle          a worker from the command's side
remote_worker   a worker on its node: a pool of one process
plugin_files    the files of plugins on a node that lacks them
"""
