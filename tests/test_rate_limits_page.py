"""The page of rate limits agrees with the code: each number, its setting and the answer."""

import re

import pytest

from activities.support.hold_limits import HoldLimits
from api.auth.authenticator import AuthSettings
from api.context import ApiContext
from api.errors.problems import TITLES
from api.http.strict_json import MAX_DEPTH
from api.middleware.body_limit import BODY_SECONDS, MAX_BODY, MAX_HEADERS, MAX_URL
from api.middleware.slow_clients import CLIENT_SECONDS, MAX_HEAD
from api.native.orders import MAX_EVENTS
from api.services import webhook_subscriptions
from api.settings import EnturSettings
from domain.operations import MAX_LINES, MAX_OPERATIONS, MAX_TRAVELLERS
from runtime.settings import Settings
from tests.support.docs_pages import ROOT

PAGE = (ROOT / "docs" / "rate-limits.md").read_text()
(TABLE,) = re.findall(r"<!-- limits -->\n.*?\n\|[-|]+\|\n(.*?)<!-- /limits -->", PAGE, re.DOTALL)
ROWS = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in TABLE.splitlines()]
_OTHER_NAMES = {
    "per_order": "seats_held_per_order",
    "per_client": "seats_held_per_client",
    "named_per_minute": "entur_named_per_minute",
    "unnamed_per_minute": "entur_unnamed_per_minute",
}
BY_SETTING = [row for row in ROWS if row[2]]


@pytest.mark.parametrize("row", BY_SETTING, ids=lambda row: row[2])
def test_a_configurable_limit_is_the_settings_default(row: tuple[str, ...]) -> None:
    _, limit, setting, _ = row
    name = setting.strip("`").removeprefix("CHANGEOVER_").lower()
    assert str(Settings.model_fields[name].default) == limit


@pytest.mark.parametrize("of", [AuthSettings(), EnturSettings(), HoldLimits(), ApiContext], ids=str)
def test_objects_built_without_settings_have_their_defaults(of: object) -> None:
    numbers = {"changes_per_hour", "client_per_minute", "unauthenticated_per_minute", "prices_per_minute"}
    settings = {name: name for name in numbers} | _OTHER_NAMES
    defaults = {name: getattr(of, name) for name in settings if hasattr(of, name)}
    assert defaults
    assert defaults == {name: Settings.model_fields[settings[name]].default for name in defaults}


def test_fixed_limits_are_those_of_the_code() -> None:
    fixed = {what: limit for what, limit, setting, _ in ROWS if not setting}
    assert fixed == {
        "lines of an order": str(MAX_LINES),
        "webhooks": str(webhook_subscriptions.MAX_WEBHOOKS),
        "a body": f"{MAX_BODY // 1024} KiB",
        "seconds in which a body comes in": f"{BODY_SECONDS:.0f}",
        "arrays and objects within each other": str(MAX_DEPTH),
        "travellers of a bundle": str(MAX_TRAVELLERS),
        "operations of a change": str(MAX_OPERATIONS),
        "events of a history at once": str(MAX_EVENTS),
        "an address": f"{MAX_URL // 1024} KiB",
        "headers, once they are there": f"{MAX_HEADERS // 1024} KiB",
        "headers, while they come in": f"{MAX_HEAD // 1024} KiB",
    }
    assert f"within {CLIENT_SECONDS:.0f} seconds" in PAGE
    assert f"`CHANGEOVER_CONNECTIONS` ({Settings().connections})" in PAGE


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_answer_is_a_known_problem(row: tuple[str, ...]) -> None:
    status, code = row[3].split(" ", 1)
    assert TITLES[code.strip("`")][0] == int(status)
