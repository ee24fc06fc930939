"""The few SVG elements the picture is made of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to pixels; what lies outside is put at the edge."""

    low: float
    high: float
    from_px: float
    to_px: float

    def __call__(self, value: float) -> float:
        part = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self.from_px + part * (self.to_px - self.from_px), 1)


def tag(name: str, inner: str = "", /, **attributes: object) -> str:
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"' for key, value in attributes.items()
    )
    return f"<{name}{told}>{inner}</{name}>"


def text(words: str, x: float, y: float, **attributes: object) -> str:
    return tag("text", escape(words), x=x, y=y, **attributes)


def line(start: Point, end: Point, **attributes: object) -> str:
    return tag("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], **attributes)


def box(x: float, y: float, width: float, height: float, **attributes: object) -> str:
    return tag("rect", x=x, y=y, width=round(width, 1), height=round(height, 1), **attributes)


def dot(at: Point, r: float, **attributes: object) -> str:
    return tag("circle", cx=at[0], cy=at[1], r=r, **attributes)


def diamond(at: Point, r: float, **attributes: object) -> str:
    x, y = at
    corners = f"{x},{y - r} {x + r},{y} {x},{y + r} {x - r},{y}"
    return tag("polygon", points=corners, **attributes)


def path(points: Sequence[Point], **attributes: object) -> str:
    return tag("polyline", points=" ".join(f"{x},{y}" for x, y in points), fill="none", **attributes)


def document(width: int, height: int, parts: Iterable[str]) -> str:
    return tag(
        "svg",
        "\n".join(parts),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        font_family="Noto Sans, DejaVu Sans, sans-serif",
        font_size=13,
    )
