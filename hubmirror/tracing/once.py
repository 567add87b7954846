"""Work that is done once for each question, whichever thread asks first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class Once(Generic[_Key, _Value]):
    """Remembers the answer to each question; a failure too."""

    def __init__(self, work: Callable[[_Key], _Value]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._answers: dict[_Key, Future[_Value]] = {}

    def __call__(self, key: _Key) -> _Value:
        """Return the answer; wait for it where another thread is at work on it.

        Raises:
            Exception: what the work has raised, each time.
        """
        with self._lock:
            is_first = key not in self._answers
            answer = self._answers.setdefault(key, Future())
        if is_first:
            try:
                answer.set_result(self._work(key))
            except BaseException as error:  # noqa: BLE001 - those who wait must hear of it
                answer.set_exception(error)
        return answer.result()
