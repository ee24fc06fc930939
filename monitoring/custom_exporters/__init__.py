"""Exporters for programs without Prometheus metrics of their own, or without the ones needed here."""
