"""Use cases: what happens to the stored state when a signal, a person or time asks for it."""
