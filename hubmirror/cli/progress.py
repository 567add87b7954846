"""How far a long command is, on stderr: rate and time left, a line now and then.

Says nothing of what is over before a person would ask.
"""

from __future__ import annotations

import time

from hubmirror.cli import render

_EVERY_S = 5.0


class Progress:
    """Watches bytes that are dealt with, and says how it goes every few seconds."""

    def __init__(self) -> None:
        self._began = self._said = time.monotonic()

    def watch(self, done: int, total: int) -> None:
        """Take note that so many bytes of so many are done."""
        now = time.monotonic()
        if now - self._said < _EVERY_S or not done:
            return
        self._said = now
        rate = done / (now - self._began)
        left = _duration((total - done) / rate) if total > done else "nearly done"
        render.note(
            f"{render.size(done)} of {render.size(total)}, {render.size(int(rate))}/s, {left}"
        )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min left"
    return f"{minutes} min {rest:02d} s left" if minutes else f"{rest} s left"
