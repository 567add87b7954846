"""What an account of a load proves. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from hubmirror import urls
from hubmirror.manifest.locked import LockedEntrypoint
from hubmirror.proofs import State
from hubmirror.rehearsing.answers import Answer, Missed

_GUARDED = (
    "a bare connection is excused only where the load returns what a trace of it returned: "
    "hubmirror trace"
)


@dataclass(frozen=True, slots=True)
class Ruling:
    """How an entrypoint stands after a load, and why."""

    state: State
    reason: str = ""
    hint: str = ""
    missed: tuple[Missed, ...] = ()


def rule(answer: Answer, traced: LockedEntrypoint | None, commit: str) -> Ruling:
    """Say what a load proves.

    What it asked for in vain counts, although it went on: a repo that swallows a miss is one
    that does something else here than where there is a network. Excused is what was not there
    when it was traced, either.

    Args:
        answer: The account of it.
        traced: What the lock says of this entrypoint.
        commit: The commit that was loaded.
    """
    same_commit = traced is not None and traced.commit == commit
    expected = traced.result.hex if traced and traced.result and same_commit else ""
    is_as_traced = bool(expected) and answer.result == expected
    absent = {urls.redact(url) for url in traced.absent} if traced else set[str]()
    missed = tuple(
        one
        for one in dict.fromkeys(answer.missed)
        if not (one.wanted in absent or (not one.wanted and is_as_traced))
    )
    if answer.failure:
        if answer.failure.lacks and not missed:
            return Ruling(State.UNPROVED, answer.failure.lacks, answer.failure.hint)
        place = f" (at {answer.failure.place})" if answer.failure.place else ""
        own_words = {one.message for one in missed}
        told = any(answer.failure.message.endswith(words) for words in own_words)
        reason = "it asked for what is not mirrored" if told else answer.failure.message + place
        return Ruling(State.FAILED, reason, "" if missed else answer.failure.hint, missed)
    if missed:
        hint = "" if all(one.wanted for one in missed) else _GUARDED
        return Ruling(
            State.FAILED, "it asked for what is not mirrored, and went on without", hint, missed
        )
    if expected and not is_as_traced:
        return Ruling(
            State.FAILED,
            "it returned something else than when it was traced: "
            f"fingerprint {answer.result[:12] or 'unknown'}, expected {expected[:12]}",
            f"with another torch than {answer.runtime.torch} this may be no fault: trace it again",
        )
    return Ruling(State.PROVED)
