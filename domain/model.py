"""The base class of all domain models, and validated types of text, numbers and times."""

import re
import unicodedata
from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

# 2^53 - 1, JSON's safe range: both databases and every wire format represent whole numbers up to here exactly.
MAX_NUMBER = 9_007_199_254_740_991
# Zero-width joiners are needed for names in several scripts; other control and format characters are refused.
_JOINERS = "\u200c\u200d"


class Model(BaseModel):
    """A frozen model that refuses unknown members."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def clean_text(text: str) -> str:
    """Return the text in NFC, trimmed; ValueError when it is empty or holds control characters."""
    cleaned = unicodedata.normalize("NFC", text).strip()
    if not cleaned:
        raise ValueError("must not be blank")
    for character in cleaned:
        if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and character not in _JOINERS:
            raise ValueError("must not hold control characters")
    return cleaned


def _day(value: object) -> object:
    # pydantic would accept 0 as 1970-01-01 and drop the time of a datetime.
    if type(value) is date:
        return value
    if not isinstance(value, str) or len(value) != len("2000-02-18"):
        raise ValueError("must be a date written as YYYY-MM-DD")
    try:
        return date.fromisoformat(value)
    except ValueError:
        # Python's own message repeats the value, which may be personal data.
        raise ValueError("must be a date written as YYYY-MM-DD") from None


def _instant(value: object) -> object:
    if not isinstance(value, str | datetime):
        raise ValueError("must be a time written as RFC 3339 with an offset")  # noqa: TRY004 - pydantic reports ValueError
    return value


def is_code(text: str) -> bool:
    """Whether a text can be an identifier; one that cannot is unknown without a database query."""
    return re.fullmatch(_CODE, text, re.ASCII) is not None


def as_utc(value: datetime) -> datetime:
    """Return an aware time in UTC; ValueError for a naive one, or one outside the years 1 to 9999."""
    if value.tzinfo is None:
        raise ValueError("must carry an offset from UTC")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie within the years 1 to 9999") from None


# For the OpenAPI file: control and format characters of the basic plane. Few regex dialects have a class for them.
_CONTROLS = (
    r"\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e"
    r"\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
)
WRITTEN = rf"^[^{_CONTROLS}]*[^\s{_CONTROLS}][^{_CONTROLS}]*$"
"""A pattern for free text without control characters; `clean_text` checks the rest."""
Text = Annotated[
    str, Field(strict=True, max_length=100, json_schema_extra={"pattern": WRITTEN}), AfterValidator(clean_text)
]
"""Up to 100 characters people wrote: any script, no control characters."""

_CODE = r"[A-Za-z0-9._:~-]{1,64}"
Code = Annotated[str, StringConstraints(strict=True, pattern=f"^{_CODE}$")]
"""An identifier chosen by a client or a provider: 1 to 64 letters, digits and . _ : ~ -"""

Number = Annotated[int, Field(strict=True, ge=0, le=MAX_NUMBER)]
Flag = Annotated[bool, Field(strict=True)]
Day = Annotated[date, BeforeValidator(_day)]
Instant = Annotated[datetime, BeforeValidator(_instant), AfterValidator(as_utc)]
