"""How a command's process ends, and what its exit code says."""

import logging
import os
import sys
from enum import IntEnum
from typing import NoReturn

from typer.exceptions import TyperException


class Code(IntEnum):
    """The exit codes of operators' commands."""

    DONE = 0
    NO = 1
    """A business no, or something was found that should not be there."""
    UNKNOWN = 2
    """It cannot be told: what would know does not answer."""
    USAGE = 64
    """The command was not typed as it is meant to be; the number is EX_USAGE of sysexits."""
    INTERRUPTED = 130


def code_of(ended: SystemExit) -> int:
    """Return the exit code of a command that ended. Typer's own for a wrong usage is 2, which says something else."""
    if isinstance(ended.__context__, TyperException):
        return Code.USAGE
    return int(ended.code or 0)


def end(code: int) -> NoReturn:
    """End this process now, with everything said.

    Threads of Temporal's SDK may still answer Python while the interpreter goes away, and abort the
    process with code 134 in place of ours (temporalio/sdk-python#300). So it does not go away slowly.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
