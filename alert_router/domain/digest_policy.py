"""When a storm of new cards is told as one digest. Pure."""

# A person needs these in their own cards, whatever else happens.
SINGLE_CRITICALS = 5
FEW = 5
"""In a storm, so few that wait are told by themselves: a trickle is no storm, and must not prolong one."""
QUIET_S = 60.0
"""A digest that has taken nothing in for so long is complete: what comes later gets its own card again."""
EDIT_EVERY_S = 5.0
"""A digest changes with every alert; people can read it only so fast, and the pace is for others too."""


def folds(waiting: int, *, per_minute: int, in_digest: bool) -> bool:
    """Whether a digest tells them: there are more than a minute carries, or one does so already."""
    return waiting > (FEW if in_digest else per_minute)
