"""A source of settings: the file that NAME_FILE points to holds the secret NAME."""

import os
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource, SettingsError


class SecretFileSource(PydanticBaseSettingsSource):
    """Serves the SecretStr fields. An empty variable counts as unset."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        name = f"{self.config.get('env_prefix', '')}{field_name}".upper()
        path = os.environ.get(f"{name}_FILE")
        if not path or SecretStr not in (field.annotation, *get_args(field.annotation)):
            return None, field_name, False
        if os.environ.get(name):
            raise SettingsError(f"{name} and {name}_FILE are both set; keep one")
        return _content(f"{name}_FILE", path), field_name, False

    def __call__(self) -> dict[str, Any]:
        values = (self.get_field_value(field, name) for name, field in self.settings_cls.model_fields.items())
        return {name: value for value, name, _ in values if value is not None}


def _content(name: str, path: str) -> str:
    """Raises SettingsError, also for an empty file: it must not switch the protection off."""
    try:
        content = Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError(f"{name}: {error.strerror}: {path}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{name}: not UTF-8: {path}") from None
    if not content:
        raise SettingsError(f"{name}: empty file: {path}")
    return content
