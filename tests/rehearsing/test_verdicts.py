"""What an account of a load proves, and what it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hubmirror.manifest.locked import LockedEntrypoint
from hubmirror.proofs import State
from hubmirror.records import Digest
from hubmirror.rehearsing.answers import Answer, Failure, Missed, Runtime
from hubmirror.rehearsing.verdicts import rule

COMMIT, OTHER = "a" * 40, "b" * 40
RESULT = "5" * 64
URL = "https://h.example/x.pth"
MISS = Missed(URL, f"{URL}: not mirrored", "add it", "acme/nets hubconf.py:12")
PROBE = Missed("", "1.1.1.1:443: the network is refused", "add it", "acme/nets hubconf.py:3")
DONE = Answer(Runtime("2.13.0", "3.11.9", "Linux-x86_64"), RESULT, None, {}, ())
TRACED = LockedEntrypoint("small()", COMMIT, result=Digest(RESULT))


def test_a_load_that_missed_nothing_is_a_proof() -> None:
    assert rule(DONE, None, COMMIT).state is State.PROVED


def test_a_miss_that_was_swallowed_is_a_failure() -> None:
    ruling = rule(replace(DONE, missed=(MISS, MISS)), TRACED, COMMIT)

    assert ruling.state is State.FAILED
    assert ruling.reason == "it asked for what is not mirrored, and went on without"
    assert ruling.missed == (MISS,)


@pytest.mark.parametrize("commit", [COMMIT, OTHER])
def test_what_was_not_there_when_it_was_traced_is_no_miss(commit: str) -> None:
    traced = replace(TRACED, absent=(URL,), result=None)

    assert rule(replace(DONE, missed=(MISS,)), traced, commit).state is State.PROVED


def test_a_bare_connection_is_excused_where_the_result_is_the_traced_one() -> None:
    answer = replace(DONE, missed=(PROBE,))

    assert rule(answer, TRACED, COMMIT).state is State.PROVED
    assert rule(answer, None, COMMIT).state is State.FAILED
    assert rule(answer, TRACED, OTHER).state is State.FAILED
    assert "trace" in rule(answer, None, COMMIT).hint


def test_another_result_than_the_traced_one_is_a_failure() -> None:
    ruling = rule(replace(DONE, result="6" * 64), TRACED, COMMIT)

    assert ruling.state is State.FAILED
    assert "fingerprint 666666666666, expected 555555555555" in ruling.reason
    assert "2.13.0" in ruling.hint


def test_a_result_is_compared_with_a_trace_of_the_same_commit_only() -> None:
    assert rule(replace(DONE, result="6" * 64), TRACED, OTHER).state is State.PROVED


def test_an_error_is_a_failure_with_the_line_that_it_came_through() -> None:
    failure = Failure("KeyError: 'layer'", "", "acme/nets models/net.py:7", "")

    ruling = rule(replace(DONE, failure=failure), None, COMMIT)

    assert ruling.state is State.FAILED
    assert ruling.reason == "KeyError: 'layer' (at acme/nets models/net.py:7)"


def test_an_error_that_is_a_miss_is_told_by_the_miss() -> None:
    failure = Failure(f"OfflineMissError: {MISS.message}", MISS.hint, MISS.place, "")

    ruling = rule(replace(DONE, failure=failure, missed=(MISS,)), None, COMMIT)

    assert ruling.reason == "it asked for what is not mirrored"
    assert (ruling.hint, ruling.missed) == ("", (MISS,))


def test_what_this_machine_lacks_is_no_failure_of_the_mirror() -> None:
    failure = Failure("MissingDependencyError: needs timm", "pip install timm", "", "needs timm")

    ruling = rule(replace(DONE, failure=failure), None, COMMIT)

    assert ruling.state is State.UNPROVED
    assert (ruling.reason, ruling.hint) == ("needs timm", "pip install timm")


def test_a_miss_outranks_what_this_machine_lacks() -> None:
    failure = Failure("AssertionError: no CUDA", "", "", "it wants a GPU")

    ruling = rule(replace(DONE, failure=failure, missed=(MISS,)), None, COMMIT)

    assert ruling.state is State.FAILED
