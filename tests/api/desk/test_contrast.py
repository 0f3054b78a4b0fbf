"""The colours of the desk's style sheet have the contrast of WCAG 2.2, in the light and the dark theme."""

import re

import pytest

from api.desk.rendering import HERE

STYLE = (HERE / "static" / "desk.css").read_text()
SURFACES = ("ground", "raised")
TEXTS = [(ink, on) for ink in ("ink", "soft", "accent", "good", "warm", "bad") for on in SURFACES]
TEXTS += [("on-accent", "accent"), ("ink", "tint"), ("accent", "tint"), ("soft", "bad-tint"), ("ink", "bad-tint")]
TEXTS += [(name, f"{name}-tint") for name in ("good", "warm", "bad")]
BORDERS = [(line, on) for line in ("edge", "accent", "bad", "warm") for on in SURFACES]
"""Borders of input fields, and outlines of focused elements."""


def colours(theme: str) -> dict[str, str]:
    """Return the colours by name: the light theme's, or the light theme overlaid with the dark one."""
    light, dark = (dict(re.findall(r"--([a-z-]+): #([0-9a-f]{6});", block)) for block in _blocks())
    return light if theme == "light" else light | dark


def _blocks() -> list[str]:
    return re.findall(r":root \{(.*?)\}", STYLE, flags=re.DOTALL)


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour."""
    shares = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_contrast_formula_gives_the_known_values() -> None:
    assert contrast("000000", "ffffff") == pytest.approx(21)
    assert contrast("777777", "ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_by_four_and_a_half_and_borders_by_three(theme: str) -> None:
    palette = colours(theme)
    weak = {pair: contrast(palette[pair[0]], palette[pair[1]]) for pair in TEXTS}
    assert {pair: share for pair, share in weak.items() if share < 4.5} == {}
    faint = {pair: contrast(palette[pair[0]], palette[pair[1]]) for pair in BORDERS}
    assert {pair: share for pair, share in faint.items() if share < 3} == {}


def test_colours_are_named_once_and_nothing_comes_from_elsewhere() -> None:
    light, dark = _blocks()
    assert set(re.findall(r"#[0-9a-f]{3,8}\b", STYLE)) == set(re.findall(r"#[0-9a-f]{6}\b", light + dark))
    assert set(re.findall(r"--(\w[a-z-]*):", dark)) <= set(re.findall(r"--(\w[a-z-]*):", light))
    assert not re.search(r"url\(|@import|@font-face", STYLE)
