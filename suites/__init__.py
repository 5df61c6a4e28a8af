"""The shipped suites, as package data: one YAML file each."""
