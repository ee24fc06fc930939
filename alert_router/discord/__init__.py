"""Everything that knows Discord: limits, embeds, the client and what its answers mean."""
