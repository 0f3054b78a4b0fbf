"""Converts data and failures for Temporal: compact JSON, and failures whose message begins with a code."""

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
"""An operator sent data that does not match the schema, for example with an update in the Web UI."""

_WRITER = SchemaSerializer(any_schema())


class _Json(PydanticJSONPlainPayloadConverter):
    """Omits fields that have their default, to keep histories small; therefore a default must never change."""

    def to_payload(self, value: Any) -> Payload | None:
        """Write a value."""
        data = _WRITER.to_json(value, exclude_defaults=True)
        return Payload(metadata={"encoding": self.encoding.encode()}, data=data)


class CompactPayloadConverter(CompositePayloadConverter):
    """Writes payloads as compact JSON: every byte of a history is kept for years.

    It is a singleton: the SDK asks for a converter at every task, and a new one would build the schema of every type
    again.
    """

    _one: ClassVar[Self | None] = None

    def __new__(cls) -> Self:
        """Return the one instance."""
        if cls._one is None:
            cls._one = super().__new__(cls)
            usual = DefaultPayloadConverter.default_encoding_payload_converters
            ours = (_Json() if isinstance(each, JSONPlainPayloadConverter) else each for each in usual)
            super(CompactPayloadConverter, cls._one).__init__(*ours)
        return cls._one

    def __init__(self) -> None:
        """Do nothing: the one instance is initialised in `__new__`."""


class SafeFailureConverter(DefaultFailureConverter):
    """Writes our own failures as "CODE: sentence", without a stack trace.

    An unexpected exception keeps its stack trace, for the engineer who reads it.
    """

    def to_failure(self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure) -> None:
        """Write a failure."""
        super().to_failure(exception, payload_converter, failure)
        if isinstance(exception.__cause__, ValidationError):
            failure.message = f"{INVALID_DATA}: {failure.message}: {_summarise(exception.__cause__)}"
            failure.ClearField("cause")
        elif isinstance(exception, ApplicationError) and exception.type:
            if not failure.message.startswith(exception.type):
                failure.message = f"{exception.type}: {failure.message}"
        else:
            return
        failure.stack_trace = ""


def _summarise(error: ValidationError) -> str:
    """Return where data is invalid and why, without the data itself."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'the data'}: {each['msg']}" for each in details)


DATA_CONVERTER = replace(
    pydantic_data_converter,
    payload_converter_class=CompactPayloadConverter,
    failure_converter_class=SafeFailureConverter,
)
