"""`python -m testbed.fakes.discord --port 9199`: the fake Discord alone; pages at /, control at /control/."""

import argparse
import socket
import sys

import uvicorn

from testbed.fakes.discord import server
from testbed.fakes.discord.limits import RateLimits
from testbed.fakes.discord.state import DiscordState


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m testbed.fakes.discord", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9199, help="0: any free one; the address is printed")
    parser.add_argument(
        "--webhook",
        action="append",
        default=[],
        metavar="ID/TOKEN[/CHANNEL]",
        help="register a webhook (repeatable); without any, every webhook is accepted",
    )
    parser.add_argument("--no-limits", action="store_true", help="turn the rate limits off")
    parser.add_argument("--forget-files", action="store_true", help="do not keep the bytes of attachments")
    args = parser.parse_args()
    state = DiscordState(
        limits=RateLimits(enabled=not args.no_limits),
        auto_register=not args.webhook,
        keep_files=not args.forget_files,
    )
    for hook in args.webhook:
        webhook_id, token, *channel = hook.split("/")
        state.webhook(webhook_id, token, *channel)
    with socket.create_server((args.host, args.port)) as listener:
        host, port = listener.getsockname()
        sys.stdout.write(f"fake Discord on http://{host}:{port}\n")
        sys.stdout.flush()
        uvicorn.Server(server.config(state, log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main()
