"""The JSON Schema of a manifest, for editors; made from the models that check it.

``manifest.schema.json`` beside this module is the same, for who has only the wheel; a test
holds the two equal.
"""

from __future__ import annotations

import json
from typing import Any

SCHEMA_ID = "hubmirror-manifest-1.json"
_TITLES = {
    "CheckpointEntry": "Checkpoint",
    "EntrypointEntry": "Entrypoint",
    "RepoEntry": "Repo",
    "SettingsEntry": "Settings",
}


def manifest_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a manifest."""
    from hubmirror.manifest.models import ManifestEntry

    schema = ManifestEntry.model_json_schema(ref_template="#/$defs/{model}")
    tidied: dict[str, Any] = _tidied(schema)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **tidied,
        "title": "hubmirror manifest",
    }


def schema_text() -> str:
    """Return the schema as the file that is shipped."""
    return json.dumps(manifest_schema(), indent=2) + "\n"


def _tidied(part: Any) -> Any:
    """Leave out what editors show and nobody needs: empty defaults, made-up titles."""
    if isinstance(part, list):
        return [_tidied(item) for item in part]
    if not isinstance(part, dict):
        return part
    kept = {}
    for key, value in part.items():
        if key == "default" and value in ("", None, False):
            continue
        if key == "title" and isinstance(value, str):
            if value in _TITLES:
                kept[key] = _TITLES[value]
            continue
        kept[key] = _tidied(value)
    return kept
