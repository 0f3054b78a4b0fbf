"""The receiver documented on the page on webhooks works."""

import re
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import WebhookVerificationError

from api.services.webhook_subscriptions import new_secret
from providers.webhook_sender import Message
from store.database.store import utc_now

PAGE = Path(__file__).parents[2] / "docs" / "webhooks.md"


def test_the_documented_receiver_accepts_a_post_once_and_refuses_forged_ones() -> None:
    (sample,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    shown: dict[str, Any] = {}
    exec(sample, shown)  # noqa: S102 - our own page
    secret = new_secret()
    message = Message("evt_26-100001_7", '{"type":"order_confirmed"}', (secret,))
    headers, body = message.headers(utc_now()), message.body.encode()
    assert shown["receive"](secret, headers, body) == {"type": "order_confirmed"}
    assert shown["receive"](secret, headers, body) is None
    for forged in (body.replace(b"confirmed", b"cancelled"), body + b" "):
        with pytest.raises(WebhookVerificationError):
            shown["receive"](secret, headers, forged)
