"""Runs the system against a world without being the system: fakes, processes, campaigns, benchmarks."""
