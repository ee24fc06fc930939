"""Writes the dashboards; `--check` compares the files instead and fails where one differs."""

import sys

from monitoring.dashboards import catalog
from monitoring.dashboards.rendering import to_json


def main(arguments: list[str]) -> int:
    outdated = []
    for dashboard in catalog.ALL:
        path, text = catalog.path_of(dashboard), to_json(dashboard)
        if path.exists() and path.read_text() == text:
            continue
        outdated.append(path.name)
        if "--check" not in arguments:
            path.write_text(text)
    if outdated:
        sys.stdout.write(f"{'differ' if '--check' in arguments else 'written'}: {', '.join(outdated)}\n")
    return 1 if outdated and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
