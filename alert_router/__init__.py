"""From a Prometheus alert to the people who must act."""
