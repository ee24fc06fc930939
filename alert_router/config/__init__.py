"""The configuration: channels, routes, severities and incidents, from a YAML file or the environment."""

from alert_router.config.configuration import (
    DEFAULT_POLICY,
    Channel,
    Configuration,
    Forum,
    IncidentRules,
    diff,
)
from alert_router.config.environment import single
from alert_router.config.loader import load
from alert_router.config.problems import ConfigError, Problem
from alert_router.config.schema import json_schema
from alert_router.config.show import show

__all__ = [
    "DEFAULT_POLICY",
    "Channel",
    "ConfigError",
    "Configuration",
    "Forum",
    "IncidentRules",
    "Problem",
    "diff",
    "json_schema",
    "load",
    "show",
    "single",
]
