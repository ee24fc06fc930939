"""Starts the whole pipeline natively on free ports and tells a story on it.

The end-to-end tests use the same programs.
"""
