"""What upstream did to what is mirrored, as values: findings, and what was last seen of a URL.

Standard library only, and free of what found them, so that ``status`` on any host can read what
a sync wrote down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from hubmirror.specs import Drift


class FindingKind(StrEnum):
    """What upstream did."""

    MOVED_BRANCH = "moved_branch"
    MOVED_TAG = "moved_tag"
    RENAMED_REPO = "renamed_repo"
    TAKEN_OVER_REPO = "taken_over_repo"
    GONE_REPO = "gone_repo"
    CHANGED_URL = "changed_url"
    GONE_URL = "gone_url"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that upstream did to what is mirrored.

    Attributes:
        kind: What it did.
        subject: The ref, repo or URL, as it may be printed.
        policy: What the manifest says to do about it, and what was done.
        message: The same as a sentence; empty where nobody needs to be told.
        since: When it was first seen, where that is known: UTC, ISO 8601.
        is_standing: True when an earlier run saw it, and this one has not asked again.
    """

    kind: FindingKind
    subject: str
    policy: Drift
    message: str
    since: str = ""
    is_standing: bool = False

    @property
    def is_warning(self) -> bool:
        """Whether the owner is told of it in passing: a refusal says it by itself."""
        is_usual = self.kind is FindingKind.MOVED_BRANCH and self.policy is Drift.FOLLOW
        return not (is_usual or self.is_standing or self.policy is Drift.FAIL)

    @property
    def is_held(self) -> bool:
        """Whether a monitor is told of it now."""
        return self.policy is Drift.HOLD and not self.is_standing


class UrlState(StrEnum):
    """What a URL was found to be when it was last asked."""

    SAME = "same"
    GONE = "gone"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class SeenUrl:
    """What a URL's host last said of it.

    Attributes:
        url: The URL as the manifest has it.
        etag: The ETag that came with it; empty where it has none.
        modified: Its Last-Modified.
        asked_at: When: UTC, ISO 8601.
        state: What it was found to be.
        since: Since when it is that; empty where it is the same as ever.
        detail: What was seen, as a part of a sentence.
    """

    url: str
    etag: str = ""
    modified: str = ""
    asked_at: str = ""
    state: UrlState = UrlState.SAME
    since: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class CheckedUrls:
    """What came of asking URLs again.

    Attributes:
        seen: What their hosts said, by URL.
        unanswered: Why nothing is known of the others, a sentence for each.
    """

    seen: Mapping[str, SeenUrl]
    unanswered: tuple[str, ...] = ()
