"""Exporters for programs that have no Prometheus metrics of their own, or not the ones we need."""
