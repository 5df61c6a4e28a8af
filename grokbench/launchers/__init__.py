"""Launchers: jobs in, events out. `local` runs the jobs on this machine."""
