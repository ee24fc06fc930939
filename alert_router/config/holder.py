"""The one place that holds the configuration in effect: whoever reads it sees a reload at once."""

from dataclasses import dataclass

from alert_router.config.configuration import Configuration


@dataclass(slots=True)
class ConfigurationHolder:
    current: Configuration
    """A value: whoever decides several things by it reads it once."""

    def swap(self, configuration: Configuration) -> Configuration:
        """Put a new configuration in effect; the one before it."""
        before, self.current = self.current, configuration
        return before
