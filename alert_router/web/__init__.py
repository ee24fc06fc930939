"""HTTP in: webhooks, events, the history, and what operators ask."""
