"""The one way everything is logged: known members only, and of an error where it arose, never its words.

Words of exceptions can hold names and birth dates. Whoever logs, we or a library, goes through the same processors.
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
    """How a line is written."""

    JSON = "json"
    CONSOLE = "console"


MEMBERS = (
    *("timestamp", "level", "logger", "event"),
    *("order", "change", "step", "attempt", "correlation_id", "client", "workflow"),
    *("action", "actor", "webhook"),
    *("kind", "outcome", "code", "error", "location"),
    *("method", "route", "status", "duration_ms"),
)
"""What a line may have, in this order; docs/observability.md says what each is."""
_CHATTY = {"alembic": logging.WARNING, "httpx2": logging.WARNING, "uvicorn": logging.WARNING}
# The SDK logs every failed step with its traceback; activities/support/step_metrics.py says it once.
_SAID_BY_US = {"temporalio.activity": logging.CRITICAL}


def configure(chosen: LogFormat | None = None) -> None:
    """Log to standard error from now on: by default for people on a terminal, as JSON lines elsewhere."""
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(chosen or (LogFormat.CONSOLE if sys.stderr.isatty() else LogFormat.JSON)))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name, level in (_CHATTY | _SAID_BY_US).items():
        logging.getLogger(name).setLevel(level)
    # A library's warning is a line like any other; else it would stand between the JSON lines as it is.
    logging.captureWarnings(capture=True)
    # Its ids are members of their own.
    workflow.logger.workflow_info_on_message = False


def formatter(chosen: LogFormat) -> logging.Formatter:
    """Return what turns any record into a line."""
    render: Processor = JSONRenderer() if chosen is LogFormat.JSON else ConsoleRenderer(colors=sys.stderr.isatty())
    return ProcessorFormatter(
        processors=[
            _said,
            ExtraAdder(),
            merge_contextvars,
            _in_workflow,
            add_log_level,
            add_logger_name,
            TimeStamper(fmt="iso", utc=True),
            _known,
            render,
        ],
        use_get_message=False,
        pass_foreign_args=True,
    )


def place_of(error: BaseException) -> str:
    """Return the kind of an error and the lines of ours and others' code it went through."""
    frames = traceback.extract_tb(error.__traceback__)
    places = " < ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in reversed(frames[-8:]))
    return f"{type(error).__name__} in {places}" if places else type(error).__name__


def _said(_logger: Any, _method: str, members: EventDict) -> EventDict:
    """Put the message together without words of exceptions, which may stand in any line but the first."""
    message, arguments = members["_record"].msg, members.pop("positional_args", None)
    members["event"] = _filled(str(_wordless(message)), arguments).strip().partition("\n")[0]
    error = members.pop("exc_info", None)
    if error and error[1]:
        members.update(error=type(error[1]).__name__, location=place_of(error[1]))
    return members


def _filled(text: str, arguments: Any) -> str:
    try:
        if isinstance(arguments, Mapping):
            return text % {name: _wordless(each) for name, each in arguments.items()}
        return text % tuple(_wordless(each) for each in arguments) if arguments else text
    except (KeyError, TypeError, ValueError):
        # They do not fit; logging would print them, and all their words, in place of the line.
        return text


def _wordless(argument: Any) -> Any:
    return place_of(argument) if isinstance(argument, BaseException) else argument


def _in_workflow(_logger: Any, _method: str, members: EventDict) -> EventDict:
    """Take over the ids that the SDK's logger brings along from within a workflow."""
    ids = members.get("temporal_workflow")
    if isinstance(ids, Mapping):
        told = {"workflow": ids.get("workflow_id"), "change": ids.get("update_id")}
        members.update({name: each for name, each in told.items() if each})
        members["order"] = str(ids.get("workflow_id")).partition("/")[2] or None
    return members


def _known(_logger: Any, _method: str, members: EventDict) -> EventDict:
    return {name: _plain(members[name]) for name in MEMBERS if members.get(name) is not None}


def _plain(value: Any) -> str | int | float | bool:
    if isinstance(value, str | int | float | bool):
        return value
    return place_of(value) if isinstance(value, BaseException) else type(value).__name__
