"""How data and failures are written for Temporal: what an operator reads there begins with a code."""

from dataclasses import replace
from typing import Any, ClassVar, Self

from pydantic import ValidationError
from pydantic_core import SchemaSerializer
from pydantic_core.core_schema import any_schema
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter, pydantic_data_converter
from temporalio.converter import (
    CompositePayloadConverter,
    DefaultFailureConverter,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
    PayloadConverter,
)
from temporalio.exceptions import ApplicationError

INVALID_DATA = "INVALID_DATA"
"""What was sent by hand does not fit: an update's data in the Web UI, say."""

_WRITER = SchemaSerializer(any_schema())


class _Json(PydanticJSONPlainPayloadConverter):
    """Writes JSON and leaves out what is as it always is, so a default of what is stored never changes."""

    def to_payload(self, value: Any) -> Payload | None:
        """Write a value."""
        data = _WRITER.to_json(value, exclude_defaults=True)
        return Payload(metadata={"encoding": self.encoding.encode()}, data=data)


class CompactPayloadConverter(CompositePayloadConverter):
    """Writes what was said and leaves out what need not be: every byte of a history is kept for years.

    There is one: the SDK asks for a converter at every task, and a new one learns every type anew.
    """

    _one: ClassVar[Self | None] = None

    def __new__(cls) -> Self:
        """Return the one there is."""
        if cls._one is None:
            cls._one = super().__new__(cls)
            usual = DefaultPayloadConverter.default_encoding_payload_converters
            ours = (_Json() if isinstance(each, JSONPlainPayloadConverter) else each for each in usual)
            super(CompactPayloadConverter, cls._one).__init__(*ours)
        return cls._one

    def __init__(self) -> None:
        """Leave it as it was made."""


class SafeFailureConverter(DefaultFailureConverter):
    """Writes our own failures as "CODE: sentence", without the lines of code they came through.

    An exception nobody foresaw keeps its lines: it is an engineer who will read it.
    """

    def to_failure(self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure) -> None:
        """Write a failure."""
        super().to_failure(exception, payload_converter, failure)
        if isinstance(exception.__cause__, ValidationError):
            failure.message = f"{INVALID_DATA}: {failure.message}: {_said(exception.__cause__)}"
            failure.ClearField("cause")
        elif isinstance(exception, ApplicationError) and exception.type:
            if not failure.message.startswith(exception.type):
                failure.message = f"{exception.type}: {failure.message}"
        else:
            return
        failure.stack_trace = ""


def _said(error: ValidationError) -> str:
    """Return where data is wrong and how, without a word of it."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'the data'}: {each['msg']}" for each in found)


DATA_CONVERTER = replace(
    pydantic_data_converter,
    payload_converter_class=CompactPayloadConverter,
    failure_converter_class=SafeFailureConverter,
)
