"""Loads the configuration from a file. All that is wrong with it is reported at once."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from alert_router.config import build, document, environment, explain, hints, references, webhook_urls
from alert_router.config.configuration import DEFAULT_POLICY, Channel, Configuration
from alert_router.config.document import Document
from alert_router.config.problems import ConfigError
from alert_router.config.references import Finding
from alert_router.config.schema import FileSection
from alert_router.domain.model import ChannelName
from alert_router.domain.notify_values import Policy


def load(
    path: Path,
    *,
    webhook_url: SecretStr | None = None,
    fallback_webhook_url: SecretStr | None = None,
    base: Policy = DEFAULT_POLICY,
) -> Configuration:
    """The file, with the channels that environment variables add. Raises ConfigError with all that is wrong.

    base: the policy where the root says nothing.
    """
    channels, warnings = environment.channels(webhook_url, fallback_webhook_url)
    source = document.read(path)
    section, urls, findings = _validated(source, path.parent, channels)
    if section is None or findings:
        raise ConfigError([source.problem(*finding) for finding in findings])
    configuration = build.configuration(section, urls=urls, environment=channels, base=base)
    hinted = [source.problem(*hint) for hint in hints.hints(source.data, configuration)]
    return replace(configuration, file=path, warnings=(*warnings, *sorted(hinted)))


def _validated(
    source: Document, folder: Path, added: Mapping[ChannelName, Channel]
) -> tuple[FileSection | None, dict[str, SecretStr], list[Finding]]:
    if not isinstance(source.data, dict):
        return None, {}, [((), "must be a mapping with the keys channels and route")]
    variables = {str(name): environment.VARIABLES[name] for name in added}
    findings = [*references.findings(source.data, variables)]
    urls, unread = _secret_files(source.data.get("channels"), folder)
    findings += unread
    try:
        section = FileSection.model_validate(source.data)
    except ValidationError as error:
        findings += [explain.finding(detail) for detail in error.errors(include_url=False)]
        return None, urls, findings
    return section, urls, findings


def _secret_files(channels: Any, folder: Path) -> tuple[dict[str, SecretStr], list[Finding]]:
    """The URLs that stand in files of their own; a relative path starts at the configuration's folder."""
    urls: dict[str, SecretStr] = {}
    findings: list[Finding] = []
    for name, channel in channels.items() if isinstance(channels, dict) else ():
        path = channel.get("webhook_url_file") if isinstance(channel, dict) else None
        if not isinstance(path, str) or not path:
            continue
        try:
            url, _ = webhook_urls.cleaned((folder / path).read_text(encoding="utf-8-sig"))
            urls[name] = SecretStr(webhook_urls.check(url))
        except (OSError, ValueError) as error:
            findings.append((("channels", name, "webhook_url_file"), _file_fault(path, error)))
    return urls, findings


def _file_fault(path: str, error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{path} cannot be read: {error.strerror}"
    return f"in {path}: {'is not UTF-8' if isinstance(error, UnicodeDecodeError) else error}"
