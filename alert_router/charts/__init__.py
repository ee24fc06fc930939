"""Draws charts, in a process of its own: the libraries for it are larger than the router."""
