"""A chart as large as those of cards, for their pictures."""

import io
from functools import cache

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


@cache
def png() -> bytes:
    figure = Figure(figsize=(8, 4), dpi=100, facecolor="#1e1f22")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(facecolor="#1e1f22")
    axes.plot(range(30), [0.8 - 0.19 * max(0, n - 12) / 17 for n in range(30)], color="#ffb454", linewidth=3)
    axes.axhline(0.65, color="#ff6b6b", linestyle="--")
    axes.axvspan(25, 29, color="#f2545b", alpha=0.25)
    axes.tick_params(colors="#9aa0a8", labelsize=14)
    image = io.BytesIO()
    figure.savefig(image, format="png")
    return image.getvalue()
