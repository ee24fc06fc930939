"""Use cases: what happens to stored state when a signal, a person or time asks for it."""
