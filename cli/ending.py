"""How a command's process ends."""

import logging
import os
import sys
from typing import NoReturn


def end(code: int) -> NoReturn:
    """End this process now, with everything said.

    Threads of Temporal's SDK may still answer Python while the interpreter goes away, and abort the
    process with code 134 in place of ours (temporalio/sdk-python#300). So it does not go away slowly.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
