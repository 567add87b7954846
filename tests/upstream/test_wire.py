"""Every fault that breaks or slows the line."""

import http.client
from time import monotonic

from tests.upstream import Upstream
from tests.upstream import faults as bad
from tests.upstream.client import DATA, SIZE, ask, hurt


def test_drop(up: Upstream) -> None:
    got = hurt(up, bad.Drop(100))

    assert (got.body, got.error) == (DATA[:100], http.client.IncompleteRead)
    assert got.headers["Content-Length"] == str(SIZE)


def test_drop_breaks_a_chunked_body(up: Upstream) -> None:
    got = hurt(up, bad.NoLength(), bad.Drop(100))

    assert got.error is http.client.IncompleteRead


def test_a_drop_waits_for_a_body_long_enough(up: Upstream) -> None:
    up.fault("/a", bad.Drop(100, times=1))

    assert ask(up, Range="bytes=0-99").error is None
    assert ask(up, "HEAD").error is None
    assert ask(up).error is http.client.IncompleteRead
    assert ask(up).error is None


def test_reset(up: Upstream) -> None:
    got = hurt(up, bad.Reset(100))

    assert got.error is ConnectionResetError
    assert DATA.startswith(got.body)
    assert len(got.body) <= 100


def test_stall(up: Upstream) -> None:
    start = monotonic()
    got = hurt(up, bad.Stall(100, 0.2))

    assert monotonic() - start >= 0.2
    assert got.body == DATA


def test_silence(up: Upstream) -> None:
    start = monotonic()
    got = hurt(up, bad.Silence(0.2))

    assert monotonic() - start >= 0.2
    assert got.body == DATA


def test_slow(up: Upstream) -> None:
    start = monotonic()
    got = hurt(up, bad.Slow(4 * SIZE))

    assert 0.2 < monotonic() - start < 2
    assert got.body == DATA


def test_faults_act_together(up: Upstream) -> None:
    up.fault("/a", bad.Status(503, times=1), bad.NoEtag(), bad.Drop(100, times=1))

    assert ask(up).status == 503
    assert (ask(up).body, ask(up).headers["ETag"]) == (DATA[:100], None)
    assert ask(up).body == DATA
