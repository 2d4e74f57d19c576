"""The colours of the graph, computed from its style sheet: texts can be read, states told apart, in both themes.

Contrast is that of WCAG 2: 4.5 for text, 3 for signs. For those who see two colours where others see three, the states
are looked at as Viénot, Brettel and Mollon (1999) say that they see them.
"""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from nbflow.notebook.marks import MARKS
from nbflow.notebook.script import STATIC
from nbflow.notebook.still import _DARK, _LIGHT

CSS = (STATIC / "graph" / "base.css").read_text(encoding="utf-8")
THEMES = {"light": r":is\(\.nbf, \.nbl\) \{", "dark": r':is\(\.nbf, \.nbl\)\[data-theme="dark"\] \{'}
ROLES = ("done", "running", "failed", "recalled", "skipped")
# Linear RGB as it is seen without the red, without the green receptors.
BLIND = {
    "protanopia": ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0)),
    "deuteranopia": ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0)),
}


def colours(theme: str) -> dict[str, str]:
    """The colours of a theme by name; of one that Jupyter's theme may set, what it is without Jupyter."""
    found = {}
    for each in ("light", theme):  # the dark theme says what is otherwise
        block = re.search(THEMES[each] + r"(.*?)\n\}", CSS, re.DOTALL)
        assert block is not None
        for name, value in re.findall(r"--nbf-(\w+):([^;]+);", block[1]):
            found[name] = re.findall(r"#[0-9a-f]{3,6}", value)[-1]
    return found


def linear(colour: str) -> tuple[float, float, float]:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return red, green, blue


def contrast(one: str, other: str) -> float:
    low, high = sorted(
        0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue in map(linear, (one, other))
    )
    return (high + 0.05) / (low + 0.05)


def lab(rgb: tuple[float, float, float]) -> tuple[float, float, float]:
    """CIE Lab, of linear RGB."""
    rows = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    white = (0.9505, 1.0, 1.089)
    x, y, z = (
        sum(weight * max(0.0, part) for weight, part in zip(row, rgb, strict=True)) / w
        for row, w in zip(rows, white, strict=True)
    )
    fx, fy, fz = (v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def seen(colour: str, matrix: tuple[tuple[float, ...], ...]) -> tuple[float, float, float]:
    red, green, blue = (
        sum(weight * part for weight, part in zip(row, linear(colour), strict=True)) for row in matrix
    )
    return lab((red, green, blue))


def test_the_measure_is_that_of_the_standard() -> None:
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
def test_every_text_can_be_read(theme: str) -> None:
    of = colours(theme)
    # the last: JupyterLab's
    grounds = [
        of["ground"],
        of["card"],
        {"light": "#ffffff", "dark": "#111111"}[theme],
    ]
    for name in ("text", "muted", *ROLES):
        for ground in grounds:
            assert contrast(of[name], ground) >= 4.5, f"{name} on {ground}"


@pytest.mark.parametrize("theme", THEMES)
def test_every_sign_can_be_seen_on_its_disc(theme: str) -> None:
    of = colours(theme)
    for name in ROLES:
        assert contrast(of["on"], of[name]) >= 3, name


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("kind", BLIND)
def test_states_differ_for_those_who_see_fewer_colours(kind: str, theme: str) -> None:
    of = colours(theme)
    told = {name: seen(of[name], BLIND[kind]) for name in ("done", "running", "failed", "waiting")}
    for one, other in combinations(told, 2):
        apart = sum((a - b) ** 2 for a, b in zip(told[one], told[other], strict=True)) ** 0.5
        assert apart > 15, f"{one} and {other}: {apart:.0f}"


def test_no_two_states_share_a_sign_and_none_is_told_by_colour_alone() -> None:
    assert len({mark.sign for mark in MARKS}) >= len(MARKS) - 1, "recalling and recalled share theirs"
    assert len({(mark.path, mark.word) for mark in MARKS}) == len(MARKS)


def test_the_still_picture_has_the_same_colours() -> None:
    for theme, still, of_mark in (("light", _LIGHT, "light"), ("dark", _DARK, "dark")):
        of = colours(theme)
        short = dict(re.findall(r"--(\w):(#[0-9a-f]+)", still))
        names = {
            "g": "ground",
            "t": "text",
            "m": "muted",
            "l": "line",
            "c": "card",
            "o": "on",
            "w": "waiting",
        }
        assert short == {letter: of[name] for letter, name in names.items()}
        for mark in MARKS:
            if mark.word in ROLES:
                assert getattr(mark, of_mark) == of[mark.word]
