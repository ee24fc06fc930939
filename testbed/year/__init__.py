"""Drives the real year through the pipeline, the model service and the router, on a simulated clock."""
