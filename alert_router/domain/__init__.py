"""Pure rules: what a signal, a clock or an answer means. Nothing here acts; time is an argument."""
