"""How long `routes test --since 30d` takes over stored alerts: python -m testbed.bench.replay [COUNT]"""

import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from alert_router.store.engine import open_store
from testbed import past_alerts
from testbed.commands import command

ROUTES = """\
channels:
  shop: {webhook_url: "https://discord.com/api/webhooks/2/token"}
  night: {webhook_url: "https://discord.com/api/webhooks/3/token"}
route:
  channel: discord
  mentions: {critical: {roles: ["777"]}}
  quiet_hours: {zone: Europe/Paris, from: "22:00", to: "07:00", pass: critical}
  routes:
    - matchers: ['team="shop"']
      channel: shop
      continue: true
      escalate_after: 15m
      escalate_to: {channel: night, mentions: {roles: ["999"]}}
    - {matchers: ['team=~"pay.*"'], channel: discord, notify_resolved: true}
"""


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/past.db"
        store = open_store(url)
        now = past_alerts.now()
        past_alerts.write(store, count=count, since=now - timedelta(days=30), until=now - timedelta(hours=1))
        store.close()
        file = Path(folder) / "routes.yaml"
        file.write_text(ROUTES)
        started, cpu = time.monotonic(), time.process_time()
        status, output = command(url, "routes", "test", "--since", "30d", "--config", str(file))
        took_s, cpu_s = time.monotonic() - started, time.process_time() - cpu
    print(output)
    print(f"status {status}; {count} alerts in {took_s:.1f} s ({cpu_s:.1f} s of CPU time)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
