"""Message bodies that Discord takes, and bodies it refuses with the errors it names and why."""

from typing import Any

Errors = dict[str, list[str]]
"""Inner error codes by dotted path."""
URL = "https://example.com/"


def embed(**changes: Any) -> dict[str, Any]:
    return {"embeds": [{"title": "ApiDown", **changes}]}


def fields(count: int, *, name: str = "n", value: str = "v") -> list[dict[str, str]]:
    return [{"name": name, "value": value}] * count


def row(*buttons: dict[str, Any]) -> dict[str, Any]:
    return {"content": "hi", "components": [{"type": 1, "components": list(buttons)}]}


def button(**changes: Any) -> dict[str, Any]:
    return {"type": 2, "style": 5, "label": "Runbook", "url": URL, **changes}


def url_of(length: int) -> str:
    return URL + "a" * (length - len(URL))


def total_of(chars: int) -> dict[str, Any]:
    """Two embeds that together count `chars`, through all six kinds of text."""
    first = {
        "title": "t" * 100,
        "description": "d" * 2000,
        "fields": fields(1, name="n" * 100, value="v" * 800),
        "footer": {"text": "f" * 900},
        "author": {"name": "a" * 100},
    }
    return {"embeds": [first, {"description": "d" * (chars - 4000)}]}


ACCEPTED: dict[str, dict[str, Any]] = {
    "content 2000": {"content": "x" * 2000},
    "content in code points": {"content": "🚲" * 2000},
    "content trimmed": {"content": " \n" + "x" * 2000 + "  "},
    "content null beside an embed": {"content": None, **embed()},
    "title 256": embed(title="x" * 256),
    "title in code points": embed(title="🚲" * 256),
    "title trimmed": embed(title="  " + "x" * 256 + "\n"),
    "description 4096": embed(description="x" * 4096),
    "25 fields": embed(fields=fields(25)),
    "field name 256 and value 1024": embed(fields=fields(1, name="x" * 256, value="x" * 1024)),
    "field of a zero-width space": embed(fields=fields(1, name="\u200b", value="\u200b")),
    "inline": embed(fields=[{"name": "n", "value": "v", "inline": True}]),
    "footer 2048": embed(footer={"text": "x" * 2048, "icon_url": URL}),
    "author 256": embed(author={"name": "x" * 256, "url": URL, "icon_url": URL}),
    "image and thumbnail": embed(image={"url": URL}, thumbnail={"url": URL}),
    "10 embeds": {"embeds": [{"title": "x"}] * 10},
    "total 6000": total_of(6000),
    "content beside 6000": {"content": "x" * 2000, **total_of(6000)},
    "color 0": embed(color=0),
    "color max": embed(color=0xFFFFFF),
    "timestamp Z": embed(timestamp="2026-09-24T12:00:00Z"),
    "timestamp nanoseconds": embed(timestamp="2026-09-24T12:00:00.123456789+02:00"),
    "url 2048": embed(url=url_of(2048)),
    "url with an IPv4 address": embed(url="http://10.0.0.7:9093/#/alerts"),
    "url with an IPv6 address": embed(url="http://[::1]:9093/"),
    "url with a dotted host": embed(url="http://alertmanager.monitoring.svc:9093"),
    "username 80": {"content": "x", "username": "x" * 80},
    "username null": {"content": "x", "username": None, "avatar_url": URL, "tts": False},
    "silent": {"content": "x", "flags": 4096},
    "embeds suppressed": {"content": "x", "flags": 4},
    "nobody may be pinged": {"content": "x", "allowed_mentions": {"parse": []}},
    "parse users, ids of roles": {
        "content": "x",
        "allowed_mentions": {"parse": ["users"], "roles": ["7"], "users": []},
    },
    "100 ids": {"content": "x", "allowed_mentions": {"users": [str(n) for n in range(100)]}},
    "5 buttons": row(*[button(url=f"{URL}{n}") for n in range(5)]),
    "button label 80, url 512": row(button(label="x" * 80, url=url_of(512))),
    "button with an emoji only": row({"type": 2, "style": 5, "url": URL, "emoji": {"name": "🚲"}}),
}

REFUSED: dict[str, tuple[dict[str, Any], Errors]] = {
    "content 2001": ({"content": "x" * 2001}, {"content": ["BASE_TYPE_MAX_LENGTH"]}),
    "content a number": ({"content": 5}, {"content": ["STRING_TYPE_CONVERT"]}),
    "embeds no list": ({"embeds": {}}, {"embeds": ["LIST_TYPE_CONVERT"]}),
    "embed no object": ({"embeds": ["x"]}, {"embeds.0": ["MODEL_TYPE_CONVERT"]}),
    "embed empty": ({"embeds": [{"color": 1}]}, {"embeds.0.description": ["BASE_TYPE_REQUIRED"]}),
    "embed of blanks": ({"embeds": [{"title": " "}]}, {"embeds.0.description": ["BASE_TYPE_REQUIRED"]}),
    "second embed": (
        {"embeds": [{"title": "x"}, {"title": "x" * 257}]},
        {"embeds.1.title": ["BASE_TYPE_MAX_LENGTH"]},
    ),
    "title 257": (embed(title="x" * 257), {"embeds.0.title": ["BASE_TYPE_MAX_LENGTH"]}),
    "description 4097": (embed(description="x" * 4097), {"embeds.0.description": ["BASE_TYPE_MAX_LENGTH"]}),
    "26 fields": (embed(fields=fields(26)), {"embeds.0.fields": ["BASE_TYPE_MAX_LENGTH"]}),
    "field name 257": (
        embed(fields=fields(1, name="x" * 257)),
        {"embeds.0.fields.0.name": ["BASE_TYPE_MAX_LENGTH"]},
    ),
    "field value 1025": (
        embed(fields=fields(1, value="x" * 1025)),
        {"embeds.0.fields.0.value": ["BASE_TYPE_MAX_LENGTH"]},
    ),
    "field name empty": (
        embed(fields=fields(1, name="")),
        {"embeds.0.fields.0.name": ["BASE_TYPE_REQUIRED"]},
    ),
    "field value blank": (
        embed(fields=fields(1, value=" \n")),
        {"embeds.0.fields.0.value": ["BASE_TYPE_REQUIRED"]},
    ),
    "field value absent": (
        embed(fields=[{"name": "n"}]),
        {"embeds.0.fields.0.value": ["BASE_TYPE_REQUIRED"]},
    ),
    "inline a word": (
        embed(fields=[{"name": "n", "value": "v", "inline": "yes"}]),
        {"embeds.0.fields.0.inline": ["BOOLEAN_TYPE_CONVERT"]},
    ),
    "footer 2049": (
        embed(footer={"text": "x" * 2049}),
        {"embeds.0.footer.text": ["BASE_TYPE_MAX_LENGTH"]},
    ),
    "footer without text": (
        embed(footer={"icon_url": URL}),
        {"embeds.0.footer.text": ["BASE_TYPE_REQUIRED"]},
    ),
    "author 257": (
        embed(author={"name": "x" * 257}),
        {"embeds.0.author.name": ["BASE_TYPE_MAX_LENGTH"]},
    ),
    "image without url": (embed(image={}), {"embeds.0.image.url": ["BASE_TYPE_REQUIRED"]}),
    "11 embeds": ({"embeds": [{"title": "x"}] * 11}, {"embeds": ["BASE_TYPE_MAX_LENGTH"]}),
    "total 6001": (total_of(6001), {"embeds": ["MAX_EMBED_SIZE_EXCEEDED"]}),
    "color beyond": (embed(color=0x1000000), {"embeds.0.color": ["NUMBER_TYPE_MAX"]}),
    "color negative": (embed(color=-1), {"embeds.0.color": ["NUMBER_TYPE_MIN"]}),
    "color a word": (embed(color="#ff0000"), {"embeds.0.color": ["NUMBER_TYPE_COERCE"]}),
    "color a boolean": (embed(color=True), {"embeds.0.color": ["NUMBER_TYPE_COERCE"]}),
    "timestamp in words": (embed(timestamp="noon"), {"embeds.0.timestamp": ["DATE_TIME_TYPE_PARSE"]}),
    "timestamp a number": (embed(timestamp=1790251200), {"embeds.0.timestamp": ["DATE_TIME_TYPE_PARSE"]}),
    "timestamp impossible": (
        embed(timestamp="2026-13-24T12:00:00Z"),
        {"embeds.0.timestamp": ["DATE_TIME_TYPE_PARSE"]},
    ),
    "url 2049": (embed(url=url_of(2049)), {"embeds.0.url": ["BASE_TYPE_MAX_LENGTH"]}),
    "url with a dotless host": (
        embed(url="http://alertmanager:9093"),
        {"embeds.0.url": ["URL_TYPE_INVALID_URL"]},
    ),
    "url of this machine": (embed(url="http://localhost:3000/"), {"embeds.0.url": ["URL_TYPE_INVALID_URL"]}),
    "url without a scheme": (embed(url="example.com/x"), {"embeds.0.url": ["URL_TYPE_INVALID_URL"]}),
    "url relative": (embed(url="?orgId=1"), {"embeds.0.url": ["URL_TYPE_INVALID_URL"]}),
    "url empty": (embed(url=""), {"embeds.0.url": ["URL_TYPE_INVALID_URL"]}),
    "url with a space": (embed(url=URL + "a b"), {"embeds.0.url": ["URL_TYPE_INVALID_URL"]}),
    "url with a wild port": (embed(url="http://a.b:99999/"), {"embeds.0.url": ["URL_TYPE_INVALID_URL"]}),
    "url of another scheme": (embed(url="ftp://a.b/"), {"embeds.0.url": ["URL_TYPE_INVALID_SCHEME"]}),
    "url javascript": (embed(url="javascript:alert(1)"), {"embeds.0.url": ["URL_TYPE_INVALID_URL"]}),
    "url of an attachment": (
        embed(url="attachment://a.png"),
        {"embeds.0.url": ["URL_TYPE_INVALID_SCHEME"]},
    ),
    "image dotless": (
        embed(image={"url": "http://grafana/x.png"}),
        {"embeds.0.image.url": ["URL_TYPE_INVALID_URL"]},
    ),
    "image not attached": (
        embed(image={"url": "attachment://a.png"}),
        {"embeds.0.image.url": ["ATTACHMENT_NOT_FOUND"]},
    ),
    "icon dotless": (
        embed(author={"name": "x", "icon_url": "http://a/"}),
        {"embeds.0.author.icon_url": ["URL_TYPE_INVALID_URL"]},
    ),
    "username empty": ({"content": "x", "username": " "}, {"username": ["BASE_TYPE_BAD_LENGTH"]}),
    "username 81": ({"content": "x", "username": "x" * 81}, {"username": ["BASE_TYPE_BAD_LENGTH"]}),
    "username discord": (
        {"content": "x", "username": "My DisCord bot"},
        {"username": ["USERNAME_INVALID_CONTAINS"]},
    ),
    "username clyde": ({"content": "x", "username": "Clyde"}, {"username": ["USERNAME_INVALID_CONTAINS"]}),
    "username with here in it": (
        {"content": "x", "username": "groundsphere"},
        {"username": ["USERNAME_INVALID"]},
    ),
    "avatar dotless": ({"content": "x", "avatar_url": "http://a/"}, {"avatar_url": ["URL_TYPE_INVALID_URL"]}),
    "tts a word": ({"content": "x", "tts": "no"}, {"tts": ["BOOLEAN_TYPE_CONVERT"]}),
    "flag unknown": ({"content": "x", "flags": 1 << 6}, {"flags": ["BITFIELD_INVALID"]}),
    "parse users beside users": (
        {"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["5"]}},
        {"allowed_mentions": ["MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE"]},
    ),
    "parse roles beside roles": (
        {"content": "x", "allowed_mentions": {"parse": ["roles"], "roles": ["5"]}},
        {"allowed_mentions": ["MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE"]},
    ),
    "parse of a wrong word": (
        {"content": "x", "allowed_mentions": {"parse": ["here"]}},
        {"allowed_mentions.parse.0": ["BASE_TYPE_CHOICES"]},
    ),
    "101 ids": (
        {"content": "x", "allowed_mentions": {"roles": [str(n) for n in range(101)]}},
        {"allowed_mentions.roles": ["BASE_TYPE_MAX_LENGTH"]},
    ),
    "id a name": (
        {"content": "x", "allowed_mentions": {"roles": ["oncall"]}},
        {"allowed_mentions.roles.0": ["NUMBER_TYPE_COERCE"]},
    ),
    "id twice": (
        {"content": "x", "allowed_mentions": {"users": ["5", "5"]}},
        {"allowed_mentions.users": ["SET_TYPE_ALREADY_CONTAINS_VALUE"]},
    ),
    "6 buttons": (row(*[button()] * 6), {"components.0.components": ["BASE_TYPE_BAD_LENGTH"]}),
    "no button": (row(), {"components.0.components": ["BASE_TYPE_BAD_LENGTH"]}),
    "6 rows": (
        {"content": "x", "components": row(button())["components"] * 6},
        {"components": ["BASE_TYPE_MAX_LENGTH"]},
    ),
    "button without a row": (
        {"content": "x", "components": [button()]},
        {"components.0.type": ["UNION_TYPE_CHOICES"]},
    ),
    "button label 81": (
        row(button(label="x" * 81)),
        {"components.0.components.0.label": ["BASE_TYPE_MAX_LENGTH"]},
    ),
    "button without label": (
        row(button(label="")),
        {"components.0.components.0.label": ["BASE_TYPE_REQUIRED"]},
    ),
    "button url 513": (
        row(button(url=url_of(513))),
        {"components.0.components.0.url": ["BASE_TYPE_MAX_LENGTH"]},
    ),
    "button url dotless": (
        row(button(url="http://grafana:3000")),
        {"components.0.components.0.url": ["URL_TYPE_INVALID_URL"]},
    ),
    "button without url": (
        row({"type": 2, "style": 5, "label": "x"}),
        {"components.0.components.0.url": ["BASE_TYPE_REQUIRED"]},
    ),
    "button that acts": (
        row(button(style=1)),
        {"components.0.components.0.style": ["BASE_TYPE_CHOICES"]},
    ),
    "content with components v2": (
        {"content": "x", "flags": 1 << 15, "components": [{"type": 10, "content": "x"}]},
        {"content": ["MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"]},
    ),
    "components v2 without the flag": (
        {"content": "x", "components": [{"type": 10, "content": "x"}]},
        {"components.0.type": ["UNION_TYPE_CHOICES"]},
    ),
    "two things at once": (
        {"content": "x" * 2001, **embed(url="x")},
        {"content": ["BASE_TYPE_MAX_LENGTH"], "embeds.0.url": ["URL_TYPE_INVALID_URL"]},
    ),
}
