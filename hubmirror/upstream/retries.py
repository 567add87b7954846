"""How often one fetch is tried, how long it waits between, and what it says in the end."""

from __future__ import annotations

import itertools
import logging
import random
import threading
import time

from hubmirror.errors import UpstreamError
from hubmirror.upstream.refusals import PassingError

_log = logging.getLogger(__name__)

_ATTEMPTS = 4
_LONGEST_WAIT_S = 60.0
_PROGRESS_BYTES = 1024 * 1024


class Budget:
    """The seconds that all fetches of a run may spend waiting; used from several threads."""

    def __init__(self, seconds: float = 900) -> None:
        self._left_s = seconds
        self._lock = threading.Lock()

    def spend(self, seconds: float) -> bool:
        """Take so many seconds, or say that they are not there."""
        with self._lock:
            is_enough = seconds <= self._left_s
            self._left_s -= seconds if is_enough else 0
            return is_enough


class Retries:
    """The attempts at one address.

    An attempt that brought the file on by a MiB or more counts as none: a link that breaks
    every few minutes still carries a large file.
    """

    def __init__(self, shown: str, *, first_wait_s: float, budget: Budget) -> None:
        self._shown = shown
        self._first_wait_s = first_wait_s
        self._budget = budget
        self._reasons: list[str] = []
        self._failed = 0

    def wait(self, failure: PassingError, *, gained_bytes: int) -> None:
        """Wait for the next attempt.

        Raises:
            UpstreamError: when there shall be none; it says what came of every attempt.
        """
        self._reasons.append(failure.cause.message.removeprefix(f"{self._shown}: "))
        self._failed = 1 if gained_bytes >= _PROGRESS_BYTES else self._failed + 1
        if failure.wait_s > _LONGEST_WAIT_S:
            raise self._given_up(failure, f"it asks to wait {failure.wait_s:.0f} s")
        if self._failed >= _ATTEMPTS:
            raise self._given_up(failure, "")
        jitter = random.uniform(0.8, 1.2)  # noqa: S311 - spreads retries, guards nothing
        backoff_s = self._first_wait_s * failure.slowness * 2 ** (self._failed - 1) * jitter
        wait_s = min(max(backoff_s, failure.wait_s), _LONGEST_WAIT_S)
        if not self._budget.spend(wait_s):
            raise self._given_up(failure, "this run has waited long enough")
        _log.info("%s; trying again in %.1f s", failure.cause.message, wait_s)
        time.sleep(wait_s)

    def _given_up(self, failure: PassingError, why: str) -> UpstreamError:
        tried = len(self._reasons)
        attempts = "1 attempt" if tried == 1 else f"{tried} attempts"
        told = failure.cause.message
        if len(set(self._reasons)) > 1:
            runs = [(reason, len(list(same))) for reason, same in itertools.groupby(self._reasons)]
            each = ", then ".join(f"{reason}{f' x{n}' if n > 1 else ''}" for reason, n in runs)
            told = f"{self._shown}: {each}"
        details = "; ".join(part for part in (attempts, why) if part)
        return UpstreamError(
            f"{told} ({details})", hint=failure.cause.hint, unreachable=failure.cause.unreachable
        )
