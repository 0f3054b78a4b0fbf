"""docs/settings.md is what its generator writes, and describes every setting."""

from cli.settings_table import PAGE, READERS, meanings, render
from runtime.settings import Settings


def test_the_page_of_settings_equals_its_generator() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), "run `python -m cli.settings_table`"


def test_every_setting_has_a_docstring() -> None:
    assert set(meanings()) == set(Settings.model_fields)


def test_only_known_settings_have_readers() -> None:
    assert set(READERS) <= set(Settings.model_fields)
