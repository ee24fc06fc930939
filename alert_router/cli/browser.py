"""Takes a picture of a page with the Chromium of this machine."""

import re
import shutil
import subprocess
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=2")
WIDTH = 640
"""That of a message in a channel on a desktop."""
TIMEOUT_S = 60.0
_HEIGHT = re.compile(r"<title>(\d+)</title>")


class NoPicture(Exception):
    """There is no Chromium, or it failed. The text says which."""


def take_picture(page: Path, png: Path) -> None:
    """The whole page, however high. page: writes its height into its title."""
    binary = next(filter(None, map(shutil.which, NAMES)), None)
    if binary is None:
        raise NoPicture(f"no picture without Chromium: none of {', '.join(NAMES)} is installed")
    html = _run([binary, *ARGS, f"--window-size={WIDTH},200", "--dump-dom", page.as_uri()])
    height = _HEIGHT.search(html)
    if height is None:
        raise NoPicture("Chromium did not draw the page")
    size = f"--window-size={WIDTH},{height[1]}"
    _run([binary, *ARGS, size, f"--screenshot={png.absolute()}", page.as_uri()])
    if not png.exists():
        raise NoPicture("Chromium wrote no picture")


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        raise NoPicture(f"Chromium failed: {error}") from None
    return done.stdout
