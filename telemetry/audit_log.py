"""The audit log of operator actions that concern no order; an action on an order is an event of its history."""

import logging
import os
import pwd

log = logging.getLogger(__name__)


def record(action: str, actor: str, **target: str) -> None:
    """Log an operator's action on a target: `client=`, `webhook=` or `service=` with its id."""
    log.info("operator action", extra={"action": action, "actor": actor, **target})


def terminal_user() -> str:
    """Return the operating system's user that runs a command; no environment variable can change it."""
    user_id = os.getuid()
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return f"uid {user_id}"
