"""A page of dead letters as a table."""

from functions.operator.answers import DeadLetterHead, DeadLetterPage
from functions.tables import columns_of, write_csv


def to_csv(page: DeadLetterPage) -> bytes:
    """Write a page's letters as CSV, without its cursor."""
    rows = (letter.model_dump(mode="json") for letter in page.letters)
    return write_csv(columns_of(DeadLetterHead), rows)
