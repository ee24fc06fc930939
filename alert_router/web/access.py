"""The credentials in effect, read anew at each reload: a rotated token needs no restart."""

from collections.abc import Callable
from dataclasses import dataclass, field

from alert_router.config import ConfigError, Configuration, Problem, web_config
from alert_router.config.web_config import WebConfig
from alert_router.settings import Settings, SettingsError
from alert_router.web import credentials
from alert_router.web.credentials import Credentials


@dataclass(slots=True)
class Access:
    reread: Callable[[], Settings]
    """The settings, with the present content of their files. Raises SettingsError."""
    current: Credentials = field(init=False)
    _next: Credentials = field(init=False)

    def __post_init__(self) -> None:
        self.load()
        self.current = self._next

    def load(self) -> None:
        """Read the files, for the next `follow`. Raises ConfigError; nothing changes then."""
        try:
            settings = self.reread()
        except SettingsError as error:
            raise ConfigError([Problem("settings", 0, 0, str(error))]) from None
        self._next = credentials.of(settings, web_config_of(settings))

    async def follow(self, _before: Configuration, _new: Configuration) -> None:
        self.current = self._next


def web_config_of(settings: Settings) -> WebConfig:
    """Raises ConfigError."""
    return web_config.load(settings.web_config) if settings.web_config else WebConfig()
