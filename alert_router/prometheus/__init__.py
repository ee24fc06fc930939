"""Prometheus's API and its language: what a rule measures, its limit, and its history."""
