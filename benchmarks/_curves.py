"""Curves as SVG pictures, drawn by hand: no plotting library for two pictures."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

WIDTH, HEIGHT, MARGIN = 760, 440, 64
COLOURS = ("#1b4965", "#bc4b1c", "#2a7f4f", "#7a4e9c", "#8a6d00", "#555555")
TICKS = 5

Points = Sequence[tuple[float, float]]


def draw(path: Path, title: str, across: str, up: str, curves: Mapping[str, Points]) -> None:
    """Write a picture of curves over a logarithmic x axis. Each curve is a list of (x > 0, y)."""
    points = [point for curve in curves.values() for point in curve if point[0] > 0]
    left, right = (math.log10(pick(x for x, _y in points)) for pick in (min, max))
    low, high = (pick(y for _x, y in points) for pick in (min, max))

    def place(x: float, y: float) -> tuple[float, float]:
        across_share = (math.log10(x) - left) / max(right - left, 1e-9)
        up_share = (y - low) / max(high - low, 1e-9)
        return MARGIN + across_share * (WIDTH - 2 * MARGIN), HEIGHT - MARGIN - up_share * (HEIGHT - 2 * MARGIN)

    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" font-size="13" font-family="sans-serif"',
        f' viewBox="0 0 {WIDTH} {HEIGHT}">',
        f"<title>{title}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{MARGIN}" y="24" font-size="16">{title}</text>',
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 12}" text-anchor="middle">{across}</text>',
        f'<text x="18" y="{HEIGHT / 2}" transform="rotate(-90 18 {HEIGHT / 2})" text-anchor="middle">{up}</text>',
    ]
    for power in range(math.ceil(left - 1e-9), math.floor(right + 1e-9) + 1):
        x, _y = place(10.0**power, low)
        parts.append(f'<path d="M{x:.1f} {MARGIN}V{HEIGHT - MARGIN}" stroke="#dddddd"/>')
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - MARGIN + 18}" text-anchor="middle">{10.0**power:g}</text>')
    for tick in range(TICKS):
        value = low + (high - low) * tick / (TICKS - 1)
        _x, y = place(10.0**left, value)
        parts.append(f'<path d="M{MARGIN} {y:.1f}H{WIDTH - MARGIN}" stroke="#dddddd"/>')
        parts.append(f'<text x="{MARGIN - 8}" y="{y + 4:.1f}" text-anchor="end">{value:.2f}</text>')
    for index, (name, curve) in enumerate(curves.items()):
        colour = COLOURS[index % len(COLOURS)]
        places = [place(x, y) for x, y in curve if x > 0]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
        y = MARGIN + 18 * index
        parts.append(f'<text x="{WIDTH - MARGIN - 8}" y="{y + 12}" text-anchor="end" fill="{colour}">{name}</text>')
    path.write_text("\n".join([*parts, "</svg>"]) + "\n", encoding="utf-8")
