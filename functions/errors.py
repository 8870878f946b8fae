"""The errors that a function may raise, and the meaning of each outcome on every transport.

================  ==============  ====================  =====================  ================
outcome           HTTP            JetStream             SQS                    CloudEvents
================  ==============  ====================  =====================  ================
returns           2xx             ack                   not listed             2xx
``Invalid``       4xx             dead letter, ack      dead letter, not       dead letter, 2xx
                                                        listed
``Unavailable``   503             nak with a delay      batch item failure     503
anything else     500             nak with a delay      batch item failure     500
================  ==============  ====================  =====================  ================
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of an input.

    Attributes:
        field: Dotted path of the field, ``data.user.age``; empty for the whole.
        code: Stable machine-readable kind of fault, ``int_type``.
        message: A sentence for a person; never repeats the input.
    """

    field: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class Invalid(Exception):
    """The input can never be accepted as it is.

    Nothing was done with it, and sending it again will not help.

    Attributes:
        faults: Every fault found, in input order; at least one.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = tuple(faults)


class Unavailable(Exception):
    """Something that is needed can't answer now.

    What was acknowledged before is safe; the same input may be sent again.

    Attributes:
        retry_after_seconds: A sensible time to wait before the next try.
    """

    def __init__(self, message: str, *, retry_after_seconds: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Refused(Exception):
    """The store will never accept these rows as they are.

    None of the batch was stored. Smaller batches show which row it is.

    Attributes:
        code: The store's own stable code for the refusal, an SQLSTATE.
    """

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code
