"""Child processes that never outlive their parent."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1
# Longer than the shutdown time of a worker (runtime/settings.py).
STOP_SECONDS = 30.0


def _die_with_parent() -> None:
    # Linux only: the kernel kills the child even when its parent is killed.
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass
class Child:
    """A child process in a session of its own, so that Ctrl-C reaches only the parent, which ends it in order."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    inherits: Sequence[int] = ()
    """Open files of ours, by number, that the process gets as well."""
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process and append its output to its log."""
        environment = {**os.environ, **self.environment}  # noqa: TID251 - a child inherits our environment
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own command line
                list(self.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
                pass_fds=self.inherits,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one call, no locks taken
            )

    @property
    def ended(self) -> bool:
        """Whether the process ended by itself."""
        return self.process is not None and self.process.poll() is not None

    def stop(self) -> None:
        """Terminate the process, and kill it if it does not end within 30 seconds."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Kill the process, as a loss of power would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def tail(self, lines: int = 15) -> str:
        """Return the last lines of the log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])
