"""A forum: one post per incident, in which its cards are created and edited."""

import pytest

from alert_router import config
from alert_router.config.configuration import Forum
from alert_router.discord.embeds import Renderer
from alert_router.discord.forum_posts import ForumPosts
from alert_router.discord.templates import Templates
from testbed.factories import API_DOWN, SECRET, at, make_signal
from testbed.fakes.discord import Post, Webhook, only
from testbed.router_harness import ROUTER_URL, WEBHOOK, RouterHarness

FORUM = Forum("{{ name }} · {{ instance }}", {"critical": "11", "firing": "21"})
GROUP = {"alertname": "ApiDown"}


@pytest.fixture
def forum(harness: RouterHarness) -> Webhook:
    harness.configuration.swap(config.single(WEBHOOK, remind_every="none", mentions="critical=role:777"))
    harness.delivery = harness.another_delivery(renderer=Renderer(Templates(), ROUTER_URL, ForumPosts(FORUM)))
    return harness.discord.webhook("1", SECRET, "100", kind="forum")


def fire(harness: RouterHarness, instance: str = "api-1") -> None:
    harness.accept(make_signal({**API_DOWN, "instance": instance}, group_labels=GROUP))
    harness.deliver()


def resolve(harness: RouterHarness) -> None:
    harness.accept(make_signal(API_DOWN, ends_at=at(5), group_labels=GROUP))
    harness.deliver()


def test_incident_opens_a_post_and_is_edited_in_it(harness: RouterHarness, forum: Webhook) -> None:
    fire(harness)
    resolve(harness)

    message = only(harness.discord.messages())
    assert forum.posts == {message.thread_id: Post("ApiDown · api-1", ("11", "21"))}
    assert "resolved" in message.embeds[0]["title"]
    assert [card.thread_id for card in harness.cards()] == [message.thread_id]


def test_next_card_of_an_incident_is_a_message_in_its_post(harness: RouterHarness, forum: Webhook) -> None:
    fire(harness)
    harness.pass_time(300)

    fire(harness, "api-2")
    harness.pass_time(300)
    harness.deliver()

    old, new = harness.discord.messages()
    assert list(forum.posts) == [old.thread_id] == [new.thread_id]
    assert old.embeds[0]["url"].endswith(f"/{new.thread_id}/{new.id}")


def test_archived_post_is_opened_again_by_a_new_message(harness: RouterHarness, forum: Webhook) -> None:
    fire(harness)
    [post] = forum.posts
    forum.archived.add(post)

    resolve(harness)

    old, new = harness.discord.messages()
    assert old.thread_id == new.thread_id == post
    assert "resolved" in new.embeds[0]["title"]
    assert harness.delivery.stopped is None


@pytest.mark.parametrize("how", ["deleted", "locked"])
def test_closed_post_is_followed_by_another(how: str, harness: RouterHarness, forum: Webhook) -> None:
    fire(harness)
    [post] = forum.posts
    if how == "deleted":
        harness.discord.delete_thread("1", post)
    else:
        forum.locked.add(post)

    resolve(harness)

    newest = harness.discord.messages()[-1]
    assert list(forum.posts) == [post, newest.thread_id]
    assert "resolved" in newest.embeds[0]["title"]
    assert harness.delivery.stopped is None


@pytest.mark.usefixtures("forum")
def test_mentions_notify_on_create_and_not_on_edit(harness: RouterHarness) -> None:
    fire(harness)
    created = only(harness.discord.messages())
    content = created.content

    resolve(harness)

    message = only(harness.discord.messages())
    assert message.notified.roles == ("777",)
    assert content.startswith("<@&777> 🔴 ApiDown")
    assert (message.content, message.mentions.roles) == (content, ()), "the edit leaves what was announced"
    assert harness.cards()[0].sent_body["content"] == content, "the page /preview shows it too"
