"""Reads the router's ledger throughout the campaign and records every imbalance."""

import asyncio
import os
import re
import subprocess
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from testbed.processes import Process

EVERY_S = 0.25
COMMAND_EVERY_S = 20.0
COMMAND_S = 60.0
ACCOUNT = re.compile(r'^alert_router_ledger\{account="(\w+)"\} (\S+)$', re.MULTILINE)
PENDING = re.compile(r'^alert_router_cards\{state="pending"\} (\S+)$', re.MULTILINE)
PRINTED = re.compile(r"wanted (\d+) = delivered (\d+) \+ pending (\d+) \+ dead (\d+)")


@dataclass(slots=True)
class LedgerProbe:
    url: str
    router: Process
    client: httpx.AsyncClient
    samples: int = 0
    commands: int = 0
    """How often `alert-router ledger` was run and answered."""
    imbalances: list[str] = field(default_factory=list)
    newest: Mapping[str, int] = field(default_factory=dict)
    """By the metrics: of the main channel."""
    newest_total: Mapping[str, int] = field(default_factory=dict)
    """By the command: of all channels together."""
    pending_cards: int = -1
    most: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._metrics())
            tasks.create_task(self._commands())

    async def _metrics(self) -> None:
        while True:
            await self.read_metrics()
            await asyncio.sleep(EVERY_S)

    async def _commands(self) -> None:
        while True:
            await asyncio.sleep(COMMAND_EVERY_S)
            await self.run_command()

    async def read_metrics(self) -> bool:
        """Whether the metrics had the ledger: without the database they do not."""
        try:
            text = (await self.client.get(f"{self.url}/metrics", timeout=20)).text
        except httpx.HTTPError:
            text = ""
        accounts = {name: int(float(value)) for name, value in ACCOUNT.findall(text)}
        pending = PENDING.search(text)
        if not accounts or pending is None:
            return False
        self.samples += 1
        self.newest = accounts
        self.pending_cards = int(float(pending[1]))
        self._record(accounts, "the metrics")
        return True

    async def run_command(self) -> bool:
        """Whether the command printed the ledger."""
        command = [self.router.command[0], "ledger"]
        # Without libfaketime: the command needs no time of day, and would leave its files behind.
        environment = {k: v for k, v in self.router.environment.items() if k != "LD_PRELOAD"}
        output = await asyncio.to_thread(_run, command, environment)
        names = ("wanted", "delivered", "pending", "dead")
        ledgers = [dict(zip(names, map(int, numbers), strict=True)) for numbers in PRINTED.findall(output)]
        if not ledgers:
            return False
        self.commands += 1
        for ledger in ledgers:
            self._record(ledger, "the command")
        self.newest_total = {name: sum(ledger[name] for ledger in ledgers) for name in names}
        return True

    def _record(self, accounts: Mapping[str, int], source: str) -> None:
        for name, count in accounts.items():
            self.most[name] = max(self.most[name], count)
        if accounts["wanted"] != accounts["delivered"] + accounts["pending"] + accounts["dead"]:
            self.imbalances.append(f"{source}: {accounts}")

    @property
    def all_delivered(self) -> bool:
        return self.pending_cards == 0 and self.newest.get("pending") == 0


def _run(command: list[str], environment: Mapping[str, str]) -> str:
    """What the command printed; nothing after a failure or the time limit."""
    settings = os.environ | environment
    try:
        done = subprocess.run(
            command, env=settings, capture_output=True, text=True, check=False, timeout=COMMAND_S
        )
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout
