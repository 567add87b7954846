"""The Git LFS side of a repository: pointers to commit, objects to serve, answers to questions.

Owns: the batch API. Objects are ordinary files of a site, so that every fault of files may lie
on them. Knows nothing of sockets.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.upstream.server import Upstream

RULES = "*.bin filter=lfs diff=lfs merge=lfs -text\n"
"""What `.gitattributes` must say for git to replace `*.bin`."""


def pointer(content: bytes) -> str:
    """What a commit has in place of this content."""
    oid = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n"


@dataclass
class Lfs:
    """Answers for one repository of `host`; what it holds lies on `storage`, the host if absent.

    Attributes:
        headers: What downloads must be asked with.
        fields: Laid over what the answer says of each object.
        stale_answers: So many answers name addresses that have expired already.
    """

    host: Upstream
    name: str
    storage: Upstream | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)
    stale_answers: int = 0
    questions: list[dict[str, Any]] = field(default_factory=list)
    _held: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.host.serve_lfs(self.name, self.answer)

    def put(self, content: bytes) -> str:
        """Hold an object; gives its pointer."""
        oid = hashlib.sha256(content).hexdigest()
        self._held[oid] = (self.storage or self.host).put(self.path(content), content)
        return pointer(content)

    def path(self, content: bytes) -> str:
        """Where an object is served, to lay faults on."""
        return f"/objects/{hashlib.sha256(content).hexdigest()}"

    def answer(self, question: bytes) -> bytes:
        """Say where objects are."""
        asked = json.loads(question)
        self.questions.append(asked)
        is_stale = len(self.questions) <= self.stale_answers
        found = [self._object(one["oid"], one["size"], is_stale) for one in asked["objects"]]
        return json.dumps({"transfer": "basic", "objects": found}).encode()

    def _object(self, oid: str, size: int, is_stale: bool) -> dict[str, Any]:
        said: dict[str, Any] = {"oid": oid, "size": size}
        if oid not in self._held:
            return said | {"error": {"code": 404, "message": "Object does not exist"}}
        href = self._held[oid] + ("/expired" if is_stale else "")
        action: dict[str, Any] = {"href": f"{href}?X-Amz-Signature=s3cr3t{len(self.questions)}"}
        if self.headers:
            action |= {"header": dict(self.headers)}
        return said | {"actions": {"download": action}} | dict(self.fields)
