"""What shall go wrong with which step of which order: files in a folder that a worker of ours looks into."""

from enum import StrEnum
from pathlib import Path

from domain.refusals import ChangeNotAllowed

REFUSAL = ChangeNotAllowed


class Strike(StrEnum):
    """What happens to a step, and when."""

    BEFORE = "before"
    """kill -9 of the worker before the step does anything."""
    AFTER = "after"
    """kill -9 of the worker once the step is done and nobody has heard of it."""
    REFUSED = "refused"
    BROKEN = "broken"
    """It breaks for good, having done nothing."""
    LOST = "lost"
    """It is done, and every answer is lost."""
    DOWN = "down"
    """It fails at every attempt until it is mended, having done nothing."""
    HELD = "held"
    """It is done, and its answer is kept back until it is mended."""


LASTING = (Strike.DOWN, Strike.HELD)


class Folder:
    """The files that say what shall strike, and how often it has."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def arm(self, order: str, step: str, strike: Strike) -> None:
        """Let it strike: once, or until it is mended."""
        self._armed(order, step, strike).touch()

    def mend(self, order: str, step: str, strike: Strike) -> None:
        """Let it strike no more."""
        self._armed(order, step, strike).unlink(missing_ok=True)

    def struck(self, order: str, step: str, strike: Strike) -> int:
        """Return how often it has struck."""
        counted = self._counted(order, step, strike)
        return counted.stat().st_size if counted.exists() else 0

    def strikes(self, order: str, step: str, strike: Strike) -> bool:
        """Strike if armed. What strikes once is disarmed before it does, so that two attempts are not both struck."""
        armed = self._armed(order, step, strike)
        try:
            armed.stat() if strike in LASTING else armed.unlink()
        except FileNotFoundError:
            return False
        with self._counted(order, step, strike).open("ab") as counted:
            counted.write(b".")
        return True

    def holds(self, order: str, step: str, strike: Strike) -> bool:
        """Whether it is armed still."""
        return self._armed(order, step, strike).exists()

    def _armed(self, order: str, step: str, strike: Strike) -> Path:
        return self._path / f"{order}.{step}-{strike}.armed"

    def _counted(self, order: str, step: str, strike: Strike) -> Path:
        return self._path / f"{order}.{step}-{strike}.struck"
