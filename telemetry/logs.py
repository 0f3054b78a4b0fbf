"""Logging: every line has known members only, and of an error its type and location, never its message.

Messages of exceptions can contain names and birth dates. Our own records and those of libraries pass through the same
processors.
"""

import logging
import sys
import traceback
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from structlog.contextvars import merge_contextvars
from structlog.dev import ConsoleRenderer
from structlog.processors import JSONRenderer, TimeStamper
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_log_level, add_logger_name
from structlog.typing import EventDict, Processor
from temporalio import workflow


class LogFormat(StrEnum):
    """The format of a log line."""

    JSON = "json"
    CONSOLE = "console"


MEMBERS = (
    *("timestamp", "level", "logger", "event"),
    *("order", "change", "step", "attempt", "correlation_id", "client", "workflow"),
    *("action", "actor", "webhook", "service"),
    *("kind", "outcome", "code", "error", "location"),
    *("method", "route", "status", "duration_ms"),
)
"""The members that a line may have, in this order; docs/observability.md describes each."""
_CHATTY = {"alembic": logging.WARNING, "httpx2": logging.WARNING, "uvicorn": logging.WARNING}
# The SDK logs every failed step with its traceback; activities/support/errors.py logs it once already.
_LOGGED_BY_US = {"temporalio.activity": logging.CRITICAL}


def configure(chosen: LogFormat | None = None) -> None:
    """Log to standard error from now on: by default as text on a terminal, and as JSON lines elsewhere."""
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(chosen or (LogFormat.CONSOLE if sys.stderr.isatty() else LogFormat.JSON)))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name, level in (_CHATTY | _LOGGED_BY_US).items():
        logging.getLogger(name).setLevel(level)
    # A library's warning becomes a log line; otherwise its plain text would stand between the JSON lines.
    logging.captureWarnings(capture=True)
    # The workflow's ids are members of the line.
    workflow.logger.workflow_info_on_message = False


def formatter(chosen: LogFormat) -> logging.Formatter:
    """Return the formatter that turns any record into a line."""
    render: Processor = JSONRenderer() if chosen is LogFormat.JSON else ConsoleRenderer(colors=sys.stderr.isatty())
    return ProcessorFormatter(
        processors=[
            _build_event,
            ExtraAdder(),
            merge_contextvars,
            _add_workflow_ids,
            add_log_level,
            add_logger_name,
            TimeStamper(fmt="iso", utc=True),
            _keep_known_members,
            render,
        ],
        use_get_message=False,
        pass_foreign_args=True,
    )


def location_of(error: BaseException) -> str:
    """Return the type of an error and the last eight lines of code that it passed through."""
    frames = traceback.extract_tb(error.__traceback__)
    location = " < ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in reversed(frames[-8:]))
    return f"{type(error).__name__} in {location}" if location else type(error).__name__


def _build_event(_logger: Any, _method: str, members: EventDict) -> EventDict:
    """Build the message without the messages of exceptions, which may stand in any line but the first."""
    message, arguments = members["_record"].msg, members.pop("positional_args", None)
    members["event"] = _format(str(_without_message(message)), arguments).strip().partition("\n")[0]
    error = members.pop("exc_info", None)
    if error and error[1]:
        members.update(error=type(error[1]).__name__, location=location_of(error[1]))
    return members


def _format(text: str, arguments: Any) -> str:
    try:
        if isinstance(arguments, Mapping):
            return text % {name: _without_message(each) for name, each in arguments.items()}
        return text % tuple(_without_message(each) for each in arguments) if arguments else text
    except (KeyError, TypeError, ValueError):
        # The arguments do not match the text; logging would print them, and all they contain, in place of the line.
        return text


def _without_message(argument: Any) -> Any:
    return location_of(argument) if isinstance(argument, BaseException) else argument


def _add_workflow_ids(_logger: Any, _method: str, members: EventDict) -> EventDict:
    """Add the ids that the SDK's logger attaches to records of a workflow."""
    ids = members.get("temporal_workflow")
    if isinstance(ids, Mapping):
        known = {"workflow": ids.get("workflow_id"), "change": ids.get("update_id")}
        members.update({name: each for name, each in known.items() if each})
        members["order"] = str(ids.get("workflow_id")).partition("/")[2] or None
    return members


def _keep_known_members(_logger: Any, _method: str, members: EventDict) -> EventDict:
    return {name: _plain(members[name]) for name in MEMBERS if members.get(name) is not None}


def _plain(value: Any) -> str | int | float | bool:
    if isinstance(value, str | int | float | bool):
        return value
    return location_of(value) if isinstance(value, BaseException) else type(value).__name__
