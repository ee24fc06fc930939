"""The keys of the configuration file, their types and their descriptions: the source of its JSON Schema.

What one value may be is in `values`; how keys depend on each other is in `references`.
"""

from datetime import time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    WithJsonSchema,
    model_validator,
)
from pydantic.config import JsonDict

from alert_router.config import values
from alert_router.domain.matchers import Matcher
from alert_router.domain.quiet_hours import QuietHours
from alert_router.domain.severity import Severities, Severity


def _json(kind: str, **keywords: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": kind, **keywords})


_DURATION = r"^([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$"
_SPAN = {"type": "string", "pattern": rf"{_DURATION}|^{values.NEVER}$", "minLength": 2}
_TIME = "^([01]?[0-9]|2[0-3]):[0-5][0-9](:00)?$|^24:00$"
_SEVERITY: JsonDict = {"enum": [*values.SEVERITIES]}
_TAG_KEY: JsonDict = {"enum": [*values.TAG_KEYS]}

Text = Annotated[str, BeforeValidator(values.text), _json("string")]
Snowflake = Annotated[str, BeforeValidator(values.snowflake), _json("string", pattern="^[0-9]{1,20}$")]
Duration = Annotated[
    timedelta, BeforeValidator(values.duration), _json("string", pattern=_DURATION, minLength=2)
]
Span = Annotated[timedelta | None, BeforeValidator(values.duration_or_never), WithJsonSchema(_SPAN)]
SeverityWord = Annotated[Severity, BeforeValidator(values.severity), WithJsonSchema(_SEVERITY)]
SeverityOrNever = Annotated[
    Severity | None,
    BeforeValidator(values.severity_or_never),
    WithJsonSchema({"enum": [*values.SEVERITIES, values.NEVER]}),
]
Time = Annotated[time, BeforeValidator(values.time_of_day), _json("string", pattern=_TIME)]
Zone = Annotated[ZoneInfo, BeforeValidator(values.zone), _json("string", examples=["Europe/Paris"])]
Day = Annotated[int, BeforeValidator(values.day), WithJsonSchema({"enum": list(values.DAYS)})]
MatcherText = Annotated[
    tuple[Matcher, ...], BeforeValidator(values.matcher_list), _json("string", examples=['team="shop"'])
]
Username = Annotated[
    str, BeforeValidator(values.username), _json("string", minLength=1, maxLength=values.MAX_USERNAME_CHARS)
]
Link = Annotated[str, BeforeValidator(values.link), _json("string", format="uri")]
Template = Annotated[str, BeforeValidator(values.template), _json("string", minLength=1)]
WebhookUrl = Annotated[
    SecretStr, BeforeValidator(values.secret), _json("string", format="uri", writeOnly=True)
]
TagKey = Annotated[str, BeforeValidator(values.tag_key), WithJsonSchema(_TAG_KEY)]


def _for_each_severity(value: Any) -> Any:
    """One span for all severities is checked once, so that it is reported once."""
    if not isinstance(value, str):
        return value
    values.duration_or_never(value)
    return dict.fromkeys(Severity, value)


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


_SPANS = {
    "anyOf": [_SPAN, {"type": "object", "propertyNames": _SEVERITY, "additionalProperties": _SPAN}],
}
Spans = Annotated[dict[SeverityWord, Span], BeforeValidator(_for_each_severity), WithJsonSchema(_SPANS)]
MatcherTexts = Annotated[
    list[MatcherText],
    BeforeValidator(_listed),
    WithJsonSchema({"type": ["array", "string"], "items": {"type": "string"}}),
]


class Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        validate_by_name=False,
        validate_by_alias=True,
        hide_input_in_errors=True,
    )


class ForumSection(Section):
    title: Annotated[Template, Field(description="The post's title: a Jinja template with the card's fields")]
    tags: Annotated[
        dict[TagKey, Snowflake],
        Field(
            default_factory=dict,
            description="Ids of the forum's tags, by severity and status",
            json_schema_extra={"propertyNames": _TAG_KEY},
        ),
    ]


class ChannelSection(Section):
    webhook_url: Annotated[WebhookUrl | None, Field(description="The webhook's URL")] = None
    webhook_url_file: Annotated[
        Text | None, Field(description="A file that holds the URL and nothing else")
    ] = None
    thread_id: Annotated[Snowflake | None, Field(description="Post into this thread of the channel")] = None
    username: Annotated[Username | None, Field(description="The name over the messages")] = None
    avatar_url: Annotated[Link | None, Field(description="The picture beside the messages")] = None
    forum: Annotated[
        ForumSection | None, Field(description="The channel is a forum: an incident becomes a post")
    ] = None
    fallback: Annotated[
        Text | None, Field(description="The channel that shows what this one does not accept")
    ] = None


class MentionsSection(Section):
    roles: Annotated[
        list[Snowflake], Field(default_factory=list, max_length=100, description="Ids of roles, in quotes")
    ]
    users: Annotated[
        list[Snowflake], Field(default_factory=list, max_length=100, description="Ids of users, in quotes")
    ]
    here: Annotated[bool, Field(description="Everyone in the channel who is online")] = False


class QuietHoursSection(Section):
    zone: Annotated[Zone, Field(description="The time zone, such as Europe/Paris")]
    from_: Annotated[Time, Field(alias="from", description="When a quiet period begins, such as 22:00")]
    to: Annotated[Time, Field(description="When it ends: the same day, or the next one if that is earlier")]
    days: Annotated[
        list[Day], Field(min_length=1, description="Days on which a quiet period begins; default: every day")
    ] = list(range(7))
    passes: Annotated[
        SeverityOrNever, Field(alias="pass", description="The lowest severity that notifies all the same")
    ] = Severity.CRITICAL

    @model_validator(mode="after")
    def _ends(self) -> "QuietHoursSection":
        self.rule()
        return self

    def rule(self) -> QuietHours:
        """Raises ValueError when they would never end."""
        return QuietHours(self.zone, self.from_, self.to, frozenset(self.days), self.passes)


class EscalationSection(Section):
    channel: Annotated[Text, Field(description="The channel of the escalation's message")]
    mentions: Annotated[
        MentionsSection, Field(default_factory=MentionsSection, description="Whom the message mentions")
    ]


class RouteSection(Section):
    """A key that is absent has the value of the route above; one that is present replaces that value."""

    channel: Annotated[Text | None, Field(description="The channel of the alerts that match")] = None
    matchers: Annotated[
        MatcherTexts, Field(default_factory=list, description="All of them must match, as in Alertmanager")
    ]
    continue_: Annotated[
        bool, Field(alias="continue", description="Try the routes after this one, too, when it matches")
    ] = False
    mentions: Annotated[
        dict[SeverityWord, MentionsSection],
        Field(
            default_factory=dict,
            description="Whom a new message mentions, by its severity",
            json_schema_extra={"propertyNames": _SEVERITY},
        ),
    ]
    renotify: Annotated[
        SeverityOrNever, Field(description="The lowest severity that is announced by a new message")
    ] = Severity.WARNING
    renotify_after: Annotated[
        Spans,
        Field(
            default_factory=dict,
            description="The wait since the last card before something new is announced: one for all, "
            "or by severity; a severity that is not named keeps its own",
        ),
    ]
    remind_every: Annotated[
        Spans,
        Field(
            default_factory=dict,
            description="How often to remind of what fires and nobody has acknowledged, by severity",
        ),
    ]
    notify_resolved: Annotated[bool, Field(description="The end is a new message rather than an edit")] = (
        False
    )
    escalate_after: Annotated[
        Duration | None, Field(description="When to escalate what nobody has acknowledged; null: never")
    ] = None
    escalate_to: Annotated[
        EscalationSection | None, Field(description="Where to escalate, and whom to mention there")
    ] = None
    quiet_hours: Annotated[
        QuietHoursSection | None, Field(description="Times at which only the worst notifies; null: none")
    ] = None
    silent: Annotated[
        SeverityWord | None, Field(description="Up to this severity messages make no sound; null: all do")
    ] = None
    routes: Annotated[
        list["RouteSection"], Field(default_factory=list, description="Tried in order; the first match wins")
    ]


class IncidentsSection(Section):
    group_by: Annotated[
        list[Text] | None,
        Field(min_length=1, description="The labels that make an incident; default: the source's own groups"),
    ] = None
    churn_labels: Annotated[
        list[Text] | None,
        Field(description="Labels in which an announced alert may differ and still be the same trouble"),
    ] = None


class PrometheusSection(Section):
    url: Annotated[Link, Field(description="Where its API is")]
    matchers: Annotated[
        MatcherTexts, Field(default_factory=list, description="The alerts that it knows; default: all")
    ]


class CardsSection(Section):
    noise_labels: Annotated[
        list[Text] | None,
        Field(description="Labels that a card shows only where an alert has no others"),
    ] = None


def _unambiguous(words: dict[Severity, list[str]]) -> dict[Severity, list[str]]:
    Severities.configured(words)
    return words


class FileSection(Section):
    severities: Annotated[
        dict[SeverityWord, list[Text]],
        AfterValidator(_unambiguous),
        Field(
            default_factory=dict,
            description="More words for a severity, beside those that are shipped",
            json_schema_extra={"propertyNames": _SEVERITY},
        ),
    ]
    channels: Annotated[
        dict[str, ChannelSection],
        Field(default_factory=dict, description="Discord webhooks by name"),
    ]
    route: Annotated[RouteSection, Field(description="The root of the routing tree")]
    incidents: Annotated[
        IncidentsSection, Field(default_factory=IncidentsSection, description="What makes an incident")
    ]
    cards: Annotated[CardsSection, Field(default_factory=CardsSection, description="What cards show")]
    prometheus: Annotated[
        list[PrometheusSection],
        Field(
            default_factory=list,
            description="Where values and charts come from: the first that matches an alert, "
            "else PROMETHEUS_URL",
        ),
    ]


def json_schema() -> dict[str, Any]:
    schema = FileSection.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Configuration of alert-router",
    }
