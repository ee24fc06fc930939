"""Pure rules. Nothing here acts; time is an argument."""
