"""What people do by hand beside orders, as lines of the log; what they do to an order stands on its own history."""

import logging
import os
import pwd

log = logging.getLogger(__name__)


def record(act: str, who: str, **what: str) -> None:
    """Say who did what: `what` names a client or a webhook."""
    log.info("operator action", extra={"action": act, "actor": who, **what})


def at_the_terminal() -> str:
    """Return who types a command, as the operating system knows them: no variable of theirs can say otherwise."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid {number}"
