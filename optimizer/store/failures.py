"""What can be wrong with a store, in one line for its owner. Nothing is ever repaired by force."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

Kind = Literal["newer", "foreign", "damaged", "locked", "full", "missing", "unreachable", "fenced", "held", "failed"]

WORDS: tuple[tuple[str, Kind, str], ...] = (  # what drivers say, and what it means
    ("database is locked", "locked", "another process holds it"),
    ("lock timeout", "locked", "another process holds it"),
    ("not a database", "foreign", "the file is no SQLite database, or its first page is damaged"),
    ("malformed", "damaged", "the file is truncated or damaged; restore it from a backup"),
    ("disk is full", "full", "the disk is full"),
    ("could not extend file", "full", "the disk is full"),
    ("disk i/o error", "full", "reading or writing failed (disk full, or broken)"),
    ("readonly", "unreachable", "it cannot be written"),
    ("unable to open", "unreachable", "the file cannot be opened"),
)


class StoreFailed(Exception):
    """The store cannot be used; what it holds is as it was. kind: a stable word for what is wrong."""

    def __init__(self, kind: Kind, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Held(StoreFailed):
    """Another run of the job is at work."""

    def __init__(self, text: str) -> None:
        super().__init__("held", text)


class Fenced(StoreFailed):
    """A newer run has taken the job over: this one may not publish any more."""

    def __init__(self, text: str) -> None:
        super().__init__("fenced", text)


@contextmanager
def told(place: str) -> Iterator[None]:
    """Errors of the driver as StoreFailed, with the name of the store."""
    try:
        yield
    except DBAPIError as error:
        said = " ".join(str(error.orig).split())
        for words, kind, meaning in WORDS:
            if words in said.lower():
                raise StoreFailed(kind, f"store {place}: {meaning}") from error
        kind = "unreachable" if isinstance(error, OperationalError) else "failed"
        raise StoreFailed(kind, f"store {place}: {said[:300]}") from error
    except SQLAlchemyError as error:
        raise StoreFailed("failed", f"store {place}: {str(error).splitlines()[0][:300]}") from error
