"""The exit codes of commands, and how a command ends its process."""

import logging
import os
import sys
from enum import IntEnum
from typing import NoReturn

from typer.exceptions import TyperException


class Code(IntEnum):
    """The exit codes of operators' commands."""

    DONE = 0
    """Done, and nothing wrong was found."""
    NO = 1
    """Refused, or something wrong was found."""
    UNKNOWN = 2
    """The result is unknown: the API, Temporal or the database does not answer."""
    USAGE = 64
    """The command line is wrong; the number is EX_USAGE of sysexits."""
    INTERRUPTED = 130
    """Ctrl-C."""


def exit_code_of(ended: SystemExit) -> int:
    """Return the exit code of a command that ended. Typer ends a wrong usage with 2, which means UNKNOWN here."""
    if isinstance(ended.__context__, TyperException):
        return Code.USAGE
    return int(ended.code or 0)


def end(code: int) -> NoReturn:
    """End this process at once, after all output is written.

    Threads of Temporal's SDK may still call Python while the interpreter shuts down, which aborts the
    process with code 134 instead of ours (temporalio/sdk-python#300). So there is no regular shutdown.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
