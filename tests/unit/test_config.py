"""The configuration file: what loads, what is refused and where, what is shown of it."""

import contextlib
import re
from collections.abc import Callable
from datetime import time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from alert_router import config
from alert_router.config import document, durations, webhook_urls
from alert_router.config.configuration import CHURN_LABELS
from alert_router.domain import matchers, routes
from alert_router.domain.model import ChannelName
from alert_router.domain.quiet_hours import QuietHours
from alert_router.domain.routes import Escalation, Mentions
from alert_router.domain.severity import Severity

FILES = Path(__file__).parent / "config_files"
EXAMPLE = (FILES / "example.yaml").read_text()
MINIMAL = """\
channels: {ops: {webhook_url: "https://discord.com/api/webhooks/1/abc"}}
route: {channel: ops}
"""
URL = "https://discord.com/api/webhooks/123456789012345678/a-B_c"

Load = Callable[[str], config.Configuration]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads a text as the file config.yaml, beside files with the example's secrets."""
    for number, name in enumerate(("shop", "board", "night"), 2):
        (tmp_path / name).write_text(f"https://discord.com/api/webhooks/{number}/{name}-token\n")

    def load(text: str) -> config.Configuration:
        path = tmp_path / "config.yaml"
        path.write_text(text)
        return config.load(path)

    return load


def with_secrets(text: str) -> str:
    return text.replace("/ID/TOKEN", "/1/ops-token").replace("/run/secrets/", "")


def cases(folder: str) -> list[object]:
    return [pytest.param(path, id=path.stem) for path in sorted((FILES / folder).iterdir())]


def text_and_problems(case: Path) -> tuple[str, list[str]]:
    """The last lines of each file are what it is refused with or warned of, in order."""
    text, *expected = case.read_text().split("#! ")
    return text, [problem.rstrip() for problem in expected]


def problems(load: Load, text: str) -> list[str]:
    with pytest.raises(config.ConfigError) as caught:
        load(text)

    return [without_path(problem) for problem in caught.value.problems]


def without_path(problem: config.Problem) -> str:
    return re.sub(r"^.*/config\.yaml:? ?", "", str(problem))


def test_example_file_is_read_in_full(load: Load) -> None:
    loaded = load(with_secrets(EXAMPLE))

    root, shop = routes.walk(loaded.route)
    assert loaded.warnings == ()
    assert loaded.severities.rank("P2") is Severity.ERROR
    assert loaded.incidents.group_by is None
    assert loaded.incidents.churn_labels == CHURN_LABELS
    assert {name: channel.thread_id for name, channel in loaded.channels.items()} == {
        "ops": None,
        "shop": "123",
        "board": None,
        "night": None,
        "preview": None,
    }
    assert loaded.channels[ChannelName("shop")].username == "Shop alerts"
    url = loaded.channels[ChannelName("shop")].webhook_url
    assert url is not None
    assert url.get_secret_value() == "https://discord.com/api/webhooks/2/shop-token"
    forum = loaded.channels[ChannelName("board")].forum
    assert forum is not None
    assert (forum.title, dict(forum.tags)) == (
        "{{ name }} · {{ cluster }}",
        {"critical": "11", "resolved": "22"},
    )
    assert loaded.channels[ChannelName("night")].fallback == "ops"
    assert root.channel == "ops"
    assert root.policy.notify.renotify is Severity.WARNING
    assert root.policy.notify.renotify_after == {
        Severity.CRITICAL: timedelta(minutes=1),
        Severity.ERROR: timedelta(minutes=5),
        Severity.WARNING: timedelta(minutes=30),
    }
    assert root.policy.notify.remind_every == {Severity.CRITICAL: timedelta(hours=4)}
    assert root.policy.mentions_for(Severity.ERROR) == Mentions(here=True)
    assert root.policy.quiet_hours == QuietHours(
        ZoneInfo("Europe/Paris"), time(22), time(7), frozenset(range(5)), Severity.CRITICAL
    )
    assert (shop.channel, shop.continue_) == ("shop", True)
    assert shop.matchers == (matchers.parse('team="shop"'),)
    assert shop.policy.mentions == {Severity.CRITICAL: Mentions(roles=("888",))}
    assert shop.policy.notify.escalate_after == timedelta(minutes=15)
    assert shop.policy.escalate_to == Escalation(ChannelName("night"), Mentions(roles=("999",)))
    assert shop.policy.quiet_hours == root.policy.quiet_hours


def test_example_as_printed_lacks_only_its_secrets(load: Load) -> None:
    assert [problem.partition(": channels.")[2].partition(" ")[0] for problem in problems(load, EXAMPLE)] == [
        "ops.webhook_url:",
        "shop.webhook_url_file:",
        "board.webhook_url_file:",
        "night.webhook_url_file:",
    ]


@pytest.mark.parametrize(
    ("keys", "attribute", "value"),
    [
        ("renotify: never", "notify.renotify", None),
        ("renotify_after: 2m", "notify.renotify_after", dict.fromkeys(Severity, timedelta(minutes=2))),
        ("renotify_after: never", "notify.renotify_after", {}),
        (
            "renotify_after: {critical: never, error: 1m}",
            "notify.renotify_after",
            {Severity.ERROR: timedelta(minutes=1), Severity.WARNING: timedelta(minutes=30)},
        ),
        ("remind_every: {}", "notify.remind_every", {}),
        ("notify_resolved: yes", "notify.notify_resolved", True),
        ("mentions: {critical: {}}", "mentions", {Severity.CRITICAL: Mentions()}),
        ("silent: info", "silent", Severity.INFO),
        ("quiet_hours: {zone: UTC, from: 22:00, to: 7:00}", "quiet_hours.from_", time(22)),
        ("quiet_hours: {zone: UTC, from: 12:30, to: 24:00}", "quiet_hours.to", time(0)),
        ("quiet_hours: {zone: UTC, from: 1:30, to: 2:00, pass: never}", "quiet_hours.passes", None),
    ],
)
def test_policy_key_of_the_root_is_read(load: Load, keys: str, attribute: str, value: object) -> None:
    subject: object = load(MINIMAL.replace("ops}\n", "ops, " + keys + "}\n")).route.policy
    for name in attribute.split("."):
        subject = getattr(subject, name)

    assert subject == value


def test_absent_key_is_inherited_and_null_switches_off(load: Load) -> None:
    loaded = load(
        MINIMAL.replace("{channel: ops}", "")
        + """\
  channel: ops
  silent: warning
  remind_every: 1h
  renotify_after: {critical: 10s}
  quiet_hours: {zone: UTC, from: "22:00", to: "07:00"}
  escalate_after: 5m
  escalate_to: {channel: ops}
  routes:
    - matchers: [a=b]
    - matchers: [c=d]
      silent: null
      quiet_hours: null
      escalate_after: null
      remind_every: {}
      renotify_after: {error: 20s}
      routes: [{matchers: 'e=f, g=h'}]
"""
    )

    root, same, other, below = routes.walk(loaded.route)
    assert same.policy == root.policy
    assert (other.policy.silent, other.policy.quiet_hours, other.policy.escalate_to) == (None, None, None)
    assert other.policy.notify.escalate_after is None
    assert other.policy.notify.remind_every == {}
    assert other.policy.notify.renotify_after[Severity.CRITICAL] == timedelta(seconds=10)
    assert other.policy.notify.renotify_after[Severity.ERROR] == timedelta(seconds=20)
    assert below.policy == other.policy
    assert [str(matcher) for matcher in below.matchers] == ['e="f"', 'g="h"']
    assert below.name == "route.routes[1].routes[0]"


DURATION_REFUSED = "is not a duration; write it like 30s, 5m, 4h or 1d12h"
CHANNELS = f"channels: {{ops: {{webhook_url: '{URL}'}}}}\n"
OPS = "route: {channel: ops}\n"


@pytest.mark.parametrize("case", cases("errors"))
def test_wrong_file_is_refused_with_every_place(load: Load, case: Path) -> None:
    text, expected = text_and_problems(case)

    assert problems(load, text) == expected


@pytest.mark.parametrize("case", cases("warnings"))
def test_doubtful_file_loads_with_warnings(load: Load, case: Path) -> None:
    text, expected = text_and_problems(case)

    assert [without_path(warning) for warning in load(text).warnings] == expected


def test_merged_mappings_are_overridden_by_own_keys(load: Load) -> None:
    text = (
        CHANNELS
        + """\
route:
  channel: ops
  quiet_hours: &night {zone: UTC, from: "22:00", to: "07:00"}
  routes:
    - quiet_hours: {<<: *night, to: "06:00"}
"""
    )

    (_, route) = routes.walk(load(text).route)

    assert route.policy.quiet_hours == QuietHours(ZoneInfo("UTC"), time(22), time(6))
    assert problems(load, text.replace('to: "06', 'too: "06')) == [
        '6:33: route.routes[0].quiet_hours.too: unknown key "too"; did you mean "to"?'
    ]


def test_deep_nesting_is_refused(load: Load) -> None:
    assert problems(load, "[" * 10_000) == ["is nested too deeply"]


def test_control_character_is_found_by_line(load: Load) -> None:
    assert problems(load, "a: 1\nb: '\u200b\x07'\n") == [
        "2:6: holds a character that YAML forbids: special characters are not allowed"
    ]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://discord.com/api/webhooks/ID/TOKEN", "is a placeholder"),
        ("https://discord.com/api/webhooks/<id>/<token>", "is a placeholder"),
        ("https://discord.com/api/webhooks/1/***", "is a placeholder"),
        ("https://discord.com/api/webhooks/YOUR_WEBHOOK_ID/x", "is a placeholder"),
        ("https://discord.com/api/webhooks/...", "must end in /webhooks/ID/TOKEN"),
        ("https://discord.com/api/webhooks/12a/secret", 'its id, "12a", is not a number'),
        ("https://discord.com/api/webhooks/1/secret/slack", "/slack is for messages in Slack's format"),
        (
            "https://discord.com/api/webhooks/1/se\u200bcret",
            "an invisible U+200B inside, as character 38",
        ),
        ("https://discord.com/api/webhooks/1/se cret", "a blank inside"),
        ("https://discord.com/api/webhooks/1/sécret", "its token has characters"),
        ("https://discord.com/api/webhooks/1", "must end in /webhooks/ID/TOKEN"),
        ("https://discord.com/channels/1/2", "must end in /webhooks/ID/TOKEN"),
        ("ftp://discord.com/api/webhooks/1/secret", "must be an http or https URL"),
        ("https://discord.com:99999/api/webhooks/1/secret", "must be an http or https URL"),
        ("discord.com/api/webhooks/1/secret", "must be an http or https URL"),
        ("", "must be an http or https URL"),
    ],
)
def test_webhook_url_is_refused_without_showing_its_token(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)) as caught:
        webhook_urls.check(url)

    assert "secret" not in str(caught.value)
    assert "cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("before", "after", "warning"),
    [
        ("", "", ""),
        ("", " ", "the URL has a blank after it; ignored"),
        ("", "\n", "the URL has a line break after it; ignored"),
        (
            "\ufeff",
            "\u200b",
            "the URL has an invisible U+FEFF before and an invisible U+200B after it; ignored",
        ),
    ],
)
def test_invisible_characters_around_a_url_are_ignored(before: str, after: str, warning: str) -> None:
    assert webhook_urls.cleaned(f"{before}{URL}{after}") == (URL, warning)


def test_secret_of_a_file_is_checked_and_never_shown(load: Load, tmp_path: Path) -> None:
    (tmp_path / "bad").write_text("https://discord.com/api/webhooks/1/hush hush\n")

    assert problems(
        load, "channels:\n  ops: {webhook_url_file: bad}\n  b: {webhook_url_file: none}\n" + OPS
    ) == [
        "2:9: channels.ops.webhook_url_file: in bad: the URL has a blank inside, as character 40",
        "3:7: channels.b.webhook_url_file: none cannot be read: No such file or directory",
    ]


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(config.ConfigError, match=r"none\.yaml: cannot be read: No such file or directory"):
        config.load(tmp_path / "none.yaml")


def test_webhooks_of_the_environment_are_channels_beside_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("route: {channel: discord}\n")

    loaded = config.load(path, webhook_url=SecretStr(URL + " "), fallback_webhook_url=SecretStr(URL))

    discord = loaded.channels[ChannelName("discord")]
    assert discord.webhook_url == SecretStr(URL)
    assert discord.fallback == "fallback"
    assert [str(warning) for warning in loaded.warnings] == [
        "DISCORD_WEBHOOK_URL: the URL has a blank after it; ignored"
    ]


def test_channel_of_the_environment_cannot_stand_in_the_file_too(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"channels: {{discord: {{webhook_url: '{URL}'}}}}\nroute: {{channel: discord}}\n")

    with pytest.raises(config.ConfigError, match=r"yaml:1:12: channels\.discord: DISCORD_WEBHOOK_URL is set"):
        config.load(path, webhook_url=SecretStr(URL))


def test_one_variable_makes_the_same_configuration() -> None:
    single = config.single(
        SecretStr(URL),
        mentions="critical=role:777, error=here,page=user:42",
        remind_every="critical=1h,warning=1d",
    )

    assert single.route.channel == "discord"
    assert single.route.policy.mentions == {
        Severity.CRITICAL: Mentions(roles=("777",), users=("42",)),
        Severity.ERROR: Mentions(here=True),
    }
    assert single.route.policy.notify.remind_every == {
        Severity.CRITICAL: timedelta(hours=1),
        Severity.WARNING: timedelta(days=1),
    }
    assert set(single.channels) == {"discord", "preview"}


def test_no_variable_at_all_leads_to_the_preview() -> None:
    single = config.single()

    assert single.route.channel == "preview"
    assert single.channels[single.route.channel].webhook_url is None
    assert single.route.policy.notify.remind_every == {Severity.CRITICAL: timedelta(hours=4)}
    assert config.single(remind_every="none").route.policy.notify.remind_every == {}


def test_unknown_severity_word_of_a_reminder_is_a_warning() -> None:
    single = config.single(remind_every="odd=1h,warning=2h,warnig=3h")

    assert single.route.policy.notify.remind_every == {Severity.WARNING: timedelta(hours=2)}
    assert [warning.message for warning in single.warnings] == [
        'unknown severity "odd" ranks as warning; known: info, warning, error, critical',
        'unknown severity "warnig" ranks as warning; did you mean "warning"?',
    ]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (
            {"mentions": "critical"},
            ['ALERT_ROUTER_MENTIONS: critical: "" must look like role:777, user:42 or here'],
        ),
        (
            {"mentions": "critical=role:x,error=all"},
            [
                'ALERT_ROUTER_MENTIONS: critical=role:x: "x" is not a Discord id, which has digits only',
                'ALERT_ROUTER_MENTIONS: error=all: "all" must look like role:777, user:42 or here',
            ],
        ),
        (
            {"mentions": "critcal=here"},
            ['ALERT_ROUTER_MENTIONS: unknown severity "critcal"; did you mean "critical"?'],
        ),
        (
            {"remind_every": "critical=4"},
            [f'ALERT_ROUTER_REMIND_EVERY: critical=4: "4" {DURATION_REFUSED}'],
        ),
        (
            {"webhook_url": SecretStr("https://discord.com/api/webhooks/abc/y")},
            ['DISCORD_WEBHOOK_URL: its id, "abc", is not a number'],
        ),
    ],
)
def test_wrong_variable_is_named(variables: dict[str, str], expected: list[str]) -> None:
    with pytest.raises(config.ConfigError) as caught:
        config.single(**variables)  # type: ignore[arg-type]  # a table of one argument each

    assert [str(problem) for problem in caught.value.problems] == expected


def test_shown_configuration_hides_tokens_and_loads_again(load: Load) -> None:
    loaded = load(
        with_secrets(EXAMPLE)
        + """\
    - matchers: ['"http.status"=~"5.."', severity!=info]
      renotify: never
      renotify_after: 90s
      silent: warning
      quiet_hours: null
      routes: [{matchers: [a=b], mentions: {}, notify_resolved: true}]
incidents: {group_by: [alertname, cluster], churn_labels: []}
"""
    )

    shown = config.show(loaded)

    assert "token" not in shown
    again = load(shown.replace("***", "ops-token"))
    assert again == loaded


def test_shown_route_has_only_what_differs_from_the_one_above(load: Load) -> None:
    (shop,) = yaml.safe_load(config.show(load(with_secrets(EXAMPLE))))["route"]["routes"]

    assert list(shop) == ["matchers", "channel", "continue", "mentions", "escalate_after", "escalate_to"]


@pytest.mark.parametrize(
    ("url", "redacted"),
    [
        (URL + "?thread_id=1", "https://discord.com/api/webhooks/123456789012345678/***?thread_id=1"),
        ("http://user:secret@[::1]:80/api/webhooks/1/secret/", "http://[::1]:80/api/webhooks/1/***"),
        ("secret", "***"),
    ],
)
def test_redacted_url_names_the_webhook_alone(url: str, redacted: str) -> None:
    assert webhook_urls.redacted(url) == redacted


def test_channel_of_the_environment_is_shown_as_a_comment() -> None:
    shown = config.show(config.single(SecretStr(URL)))

    assert shown.startswith(
        "# channel discord: https://discord.com/api/webhooks/123456789012345678/***, from the environment\n"
    )
    assert yaml.safe_load(shown)["channels"] == {}


def test_no_secret_is_printed_with_the_configuration(load: Load) -> None:
    assert "token" not in repr(load(with_secrets(EXAMPLE))).replace("webhook_url", "")


def test_json_schema_accepts_the_example_and_refuses_a_misspelled_key() -> None:
    schema = config.json_schema()
    example = yaml.safe_load(EXAMPLE)

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(example, schema)
    example["route"]["quiet_hours"]["form"] = "22:00"
    with pytest.raises(jsonschema.ValidationError, match="form"):
        jsonschema.validate(example, schema)
    example["route"]["quiet_hours"].pop("form")
    example["route"]["mentions"]["critcal"] = {"here": True}
    with pytest.raises(jsonschema.ValidationError, match="critcal"):
        jsonschema.validate(example, schema)


def test_json_schema_describes_every_key() -> None:
    schema = config.json_schema()

    sections = [schema, *schema["$defs"].values()]
    undescribed = [
        key
        for section in sections
        for key, entry in section.get("properties", {}).items()
        if "description" not in entry
    ]
    assert undescribed == []


def test_difference_names_what_changed(load: Load) -> None:
    old = load(with_secrets(EXAMPLE))
    new = load(
        with_secrets(EXAMPLE)
        .replace("username: Shop alerts", "username: Shop")
        .replace("      continue: true\n", "")
        .replace("severities: {", "severities: {info: [p9], ")
        .replace("  night:", f"  extra: {{webhook_url: '{URL}'}}\n  night:")
    )

    assert config.diff(old, new) == "channels: +extra, ~shop; routes: 2, were 2; severities"
    assert config.diff(old, old) == "nothing changed"


UNCOMMENTED = re.sub(r"#.*", lambda comment: " " * len(comment[0]), EXAMPLE)
KEYS = [
    (match.start(1), match.group(1))
    for match in re.finditer(r"([a-z_]+):(?= |\n)", UNCOMMENTED)
    if match.group(1) != "board"  # no route names it: under another name it is as good
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(KEYS), st.data())
def test_misspelled_key_is_named_with_its_line(load: Load, key: tuple[int, str], data: st.DataObject) -> None:
    offset, name = key
    position = data.draw(st.integers(0, len(name) - 1))
    misspelled = name[:position] + data.draw(st.sampled_from("qxz")) + name[position + 1 :]
    assume(misspelled not in {known for _, known in KEYS})
    line = EXAMPLE[:offset].count("\n") + 1
    text = with_secrets(EXAMPLE[:offset] + misspelled + EXAMPLE[offset + len(name) :])

    refused = problems(load, text)

    if name in ("ops", "shop", "night"):
        assert any(f'unknown channel "{name}"' in problem and misspelled in problem for problem in refused)
    else:
        assert any(problem.startswith(f"{line}:") and f'"{misspelled}"' in problem for problem in refused)


@given(st.text() | st.text("{}[]:,-&*!|>'\"%@` \nabc<", max_size=40))
def test_any_text_loads_or_is_explained(text: str) -> None:
    with contextlib.suppress(config.ConfigError):
        document.parse(text, "config.yaml")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("1m", 60),
        ("4h", 14400),
        ("1d12h", 129600),
        ("1w", 604800),
        ("1500ms", 1.5),
        ("1h30m", 5400),
    ],
)
def test_duration_is_read_as_prometheus_writes_it(text: str, seconds: float) -> None:
    assert durations.parse(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["", "5", "1.5h", "1m1h", "-1m", "1m 1s", "0s", "1h1h", "\N{FULLWIDTH DIGIT NINE}s", "99999999999y"],
)
def test_other_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a duration|longer than nothing|too long"):
        durations.parse(text)


@given(st.integers(1, 10**12).map(lambda milliseconds: timedelta(milliseconds=milliseconds)))
def test_formatted_duration_parses_to_itself(duration: timedelta) -> None:
    assert durations.parse(durations.format_duration(duration)) == duration
