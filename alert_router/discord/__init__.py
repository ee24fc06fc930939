"""Everything that knows Discord: limits, messages, the client and the classes of its replies."""
