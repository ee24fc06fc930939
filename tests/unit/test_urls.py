"""Which URLs Discord accepts: the same ones as the fake."""

import pytest

from alert_router.discord import urls
from testbed.fakes.discord_form_cases import ACCEPTED, REFUSED


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "http://10.0.0.7:9093/#/alerts",
        "http://[::1]:9093/",
        "http://alertmanager.monitoring.svc:9093/x?y=%7B%7D",
        "https://example.com/" + "a" * 2028,
    ],
)
def test_dotted_host_or_address_is_acceptable(url: str) -> None:
    assert urls.is_acceptable(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://alertmanager:9093",
        "http://localhost:3000/d/x",
        "http://prometheus-k8s-0:9090/graph?g0.expr=up",
        "example.com/x",
        "?orgId=1",
        "ftp://example.com/",
        "javascript:alert(1)",
        "https://",
        "https://.",
        "https://a..b/",
        "https://example.com/a b",
        "https://example.com/a\n",
        "http://example.com:99999/",
        "http://example.com:port/",
        "http://[::1/",
        "https://exämple.com/",
        "https://example.com/" + "a" * 2029,
    ],
)
def test_url_that_discord_refuses_is_not_acceptable(url: str) -> None:
    assert not urls.is_acceptable(url)


@pytest.mark.parametrize("name", [name for name in ACCEPTED if name.startswith("url ")])
def test_url_that_the_fake_accepts_is_acceptable(name: str) -> None:
    assert urls.is_acceptable(ACCEPTED[name]["embeds"][0]["url"])


@pytest.mark.parametrize("name", [name for name in REFUSED if name.startswith("url ")])
def test_url_that_the_fake_refuses_is_not_acceptable(name: str) -> None:
    assert not urls.is_acceptable(REFUSED[name][0]["embeds"][0]["url"])


def test_button_url_has_a_lower_limit() -> None:
    url = "https://example.com/" + "a" * 492

    assert urls.is_acceptable(url, 512)
    assert not urls.is_acceptable(url + "a", 512)
