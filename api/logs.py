"""What is logged of an error: where it arose, never its words, which can hold names and birth dates."""

import logging
import traceback


def place_of(error: BaseException) -> str:
    """Return the kind of an error and the lines of ours and others' code it went through."""
    frames = traceback.extract_tb(error.__traceback__)
    places = " < ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in reversed(frames[-8:]))
    return f"{type(error).__name__} in {places}"


class WithoutWords(logging.Filter):
    """Replaces an exception that is logged by the place where it arose."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, without the words of an exception."""
        if record.exc_info and record.exc_info[1]:
            record.msg, record.args = f"{record.getMessage().strip()}: {place_of(record.exc_info[1])}", ()
            record.exc_info = record.exc_text = None
        return True
