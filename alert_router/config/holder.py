"""The one place that holds the configuration in effect: whoever reads it sees a reload at once."""

from alert_router.config.configuration import Configuration


class ConfigurationHolder:
    def __init__(self, configuration: Configuration) -> None:
        self._current = configuration

    @property
    def current(self) -> Configuration:
        """A value: whoever decides several things by it reads it once."""
        return self._current

    def swap(self, configuration: Configuration) -> Configuration:
        """Put a new configuration in effect; the one before it."""
        before, self._current = self._current, configuration
        return before
