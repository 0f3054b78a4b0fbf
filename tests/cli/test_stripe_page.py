"""The lines of docs/stripe.md connect Stripe, sell a ticket and refund it, with our emulator in the place of Stripe."""

import re
import shutil
from pathlib import Path

import pytest

from tests.cli.test_commands import run_session, up
from tests.stripe.control_client import API_KEY, Emulator
from tests.support.commands import ROOT, run

pytestmark = pytest.mark.journeys

PAGE = "docs/stripe.md"


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page uses curl")
def test_stripe_is_connected_by_the_lines_on_the_page(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = dict(re.findall(r"^export (\w+)='?([^'\s]+)", (ROOT / PAGE).read_text(), re.MULTILINE))
    assert set(settings) == {"CHANGEOVER_PAYMENTS", "STRIPE_API_KEY", "STRIPE_EVENT_SECRETS", "STRIPE_TIMEOUT"}
    # Not on the page: without it, the adapter calls Stripe itself.
    for name, value in (settings | {"STRIPE_API_KEY": API_KEY, "STRIPE_URL": emulator.url}).items():
        monkeypatch.setenv(name, value)
    with up(tmp_path) as (process, api):
        sale, back = run_session(PAGE, api, {"https://api.stripe.com": emulator.url})
        assert '"state":"done"' in sale
        assert '"state":"done"' in back
    assert process.returncode == 0
    (intent,) = emulator.book("payment_intent")
    assert (intent["status"], intent["amount"], intent["currency"]) == ("succeeded", 34900, "nok")
    assert [(each["amount"], each["status"]) for each in emulator.book("refund")] == [(34900, "succeeded")]
    check = run("check", f"--data={tmp_path}")
    assert check.returncode == 0, check.stdout
