"""An error that nobody thought of becomes one of the project's own: a condition, an Event and a retry, like any other."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ingestion_operator.errors import InternalError, Interrupted, PipelineError
from ingestion_operator.reconcile.context import StillThere

logger = logging.getLogger(__name__)


@contextmanager
def unforeseen(subject: str, fields: Mapping[str, object]) -> Iterator[None]:
    """Log whatever the block raises, with the traceback. Raises InternalError instead. The project's own errors pass."""
    try:
        yield
    except (PipelineError, Interrupted, StillThere):
        raise
    except Exception as error:
        extra = {**fields, "reason": InternalError.reason.value}
        logger.exception("%s: unexpected %s", subject, type(error).__name__, extra=extra)
        raise InternalError(described(error)) from error


def described(error: Exception) -> str:
    """The error's type and place. Its text could contain a secret, except the text of the operating system."""
    # https://docs.python.org/3/library/exceptions.html#OSError: `strerror` is the operating system's message.
    known = f": {error.strerror}" if isinstance(error, OSError) and error.strerror else ""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    return f"unexpected {type(error).__name__}{known}{place}; the operator's log has the traceback"
