"""Launchers run jobs on workers and yield their events; `local` does so on this machine."""
