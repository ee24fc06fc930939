"""Writes a copy of this folder's configuration in which minutes pass as seconds, for the demo and the tests.

The shipped files are read and never changed; thresholds, labels, routes and inhibitions stay as they are.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from monitoring.durations import duration, shorter

SHIPPED = Path(__file__).parent
SCRAPE_INTERVAL_S = 1.0
# rate() and increase() need two samples; four survive two lost scrapes.
SHORTEST_RANGE_S = 4 * SCRAPE_INTERVAL_S
# A subquery's step must not be longer than the scrape interval, or a change falls between two steps.
SHORTEST_STEP_S = SCRAPE_INTERVAL_S
SHORTEST_FOR_S = SCRAPE_INTERVAL_S

_RANGE = re.compile(r"\[(?P<range>[0-9a-z]+)(?::(?P<step>[0-9a-z]*))?\]")

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ScaledPaths:
    """The written files, all in the requested folder."""

    prometheus: Path
    alertmanager: Path
    alerts: Path
    meta_rules: Path | None
    """None without `meta=True`."""


def write_scaled(
    folder: Path,
    *,
    factor: float,
    targets: Mapping[str, str],
    alertmanagers: Sequence[str],
    router_url: str,
    token: str | None,
    group_interval_s: float = 1.0,
    meta: bool = False,
    second_path_url: str | None = None,
) -> ScaledPaths:
    """Write the three files (four with `meta`) into `folder`, with every time divided by `factor`.

    targets: host:port by job name; jobs without one are left out. alertmanagers: host:port.
    router_url: its base, such as http://127.0.0.1:8010. token: None sends no credential.
    second_path_url: None leaves the second path silent. Secrets go into files only this user can read.

    Raises ValueError for a job that prometheus.yml does not have.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = ["alerts.yml", "meta_rules.yml"] if meta else ["alerts.yml"]
    rules = [_write(folder / name, scaled_rules(_read(name), factor=factor)) for name in names]
    prometheus = scaled_prometheus(
        _read("prometheus.yml"), targets=targets, alertmanagers=alertmanagers, rule_files=names
    )
    alertmanager = scaled_alertmanager(
        _read("alertmanager.yml"),
        factor=factor,
        router_url=router_url,
        token_file=_secret(folder / "router_token", token),
        second_path_file=_secret(folder / "second_path_url", second_path_url),
        group_interval_s=group_interval_s,
    )
    return ScaledPaths(
        prometheus=_write(folder / "prometheus.yml", prometheus),
        alertmanager=_write(folder / "alertmanager.yml", alertmanager),
        alerts=rules[0],
        meta_rules=rules[1] if meta else None,
    )


def shipped_jobs() -> tuple[str, ...]:
    return tuple(job["job_name"] for job in _read("prometheus.yml")["scrape_configs"])


def scaled_rules(document: Document, *, factor: float) -> Document:
    """Divide each `for` and each range window; floors keep two samples in every window."""
    for group in document["groups"]:
        for rule in group["rules"]:
            rule["expr"] = scaled_expression(rule["expr"], factor=factor)
            if "for" in rule:
                rule["for"] = shorter(rule["for"], factor=factor, floor_s=SHORTEST_FOR_S)
    return document


def scaled_expression(expression: str, *, factor: float) -> str:
    def window(match: re.Match[str]) -> str:
        span = shorter(match["range"], factor=factor, floor_s=SHORTEST_RANGE_S)
        if match["step"] is None:
            return f"[{span}]"
        step = match["step"] and shorter(match["step"], factor=factor, floor_s=SHORTEST_STEP_S)
        return f"[{span}:{step}]"

    return _RANGE.sub(window, expression)


def scaled_prometheus(
    document: Document,
    *,
    targets: Mapping[str, str],
    alertmanagers: Sequence[str],
    rule_files: Sequence[str],
) -> Document:
    jobs = {job["job_name"]: job for job in document["scrape_configs"]}
    if unknown := targets.keys() - jobs.keys():
        raise ValueError(f"prometheus.yml has no job {sorted(unknown)}, only {sorted(jobs)}")
    for name, target in targets.items():
        jobs[name]["static_configs"] = [{"targets": [target]}]
    second = duration(SCRAPE_INTERVAL_S)
    document["global"] = dict.fromkeys(("scrape_interval", "scrape_timeout", "evaluation_interval"), second)
    document["rule_files"] = list(rule_files)
    document["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": list(alertmanagers)}]}]}
    document["scrape_configs"] = [job for name, job in jobs.items() if name in targets]
    return document


def scaled_alertmanager(
    document: Document,
    *,
    factor: float,
    router_url: str,
    token_file: Path | None,
    second_path_file: Path | None,
    group_interval_s: float,
) -> Document:
    for route in _routes(document["route"]):
        _hasten(route, factor=factor, group_interval_s=group_interval_s)
    for receiver in document["receivers"]:
        for webhook in receiver.get("webhook_configs", ()):
            webhook["url"] = f"{router_url.rstrip('/')}/webhooks/alertmanager"
            webhook.pop("http_config")
            if token_file is not None:
                credential = {"type": "Bearer", "credentials_file": str(token_file)}
                webhook["http_config"] = {"authorization": credential}
        if second_path_file is None:
            receiver.pop("slack_configs", None)
        for slack in receiver.get("slack_configs", ()):
            slack["api_url_file"] = str(second_path_file)
    return document


def _routes(route: Document) -> Iterable[Document]:
    yield route
    for child in route.get("routes", ()):
        yield from _routes(child)


def _hasten(route: Document, *, factor: float, group_interval_s: float) -> None:
    # A route inherits the keys it does not name, so only named keys are replaced.
    faster: dict[str, Callable[[str], str]] = {
        "group_wait": lambda wait: shorter(wait, factor=factor, floor_s=min(1.0, group_interval_s)),
        "group_interval": lambda _: duration(group_interval_s),
        # A little under the interval, as in the shipped file: a repeat due at the very flush would miss it.
        "repeat_interval": lambda repeat: shorter(repeat, factor=factor, floor_s=0.9 * group_interval_s),
    }
    for name in faster.keys() & route.keys():
        route[name] = faster[name](route[name])


def _read(name: str) -> Document:
    document: Document = yaml.safe_load((SHIPPED / name).read_text())
    return document


def _write(path: Path, document: Document) -> Path:
    path.write_text(yaml.safe_dump(document, sort_keys=False, width=110))
    return path


def _secret(path: Path, value: str | None) -> Path | None:
    if value is None:
        return None
    path.touch(mode=0o600)
    path.write_text(value)
    return path.absolute()
