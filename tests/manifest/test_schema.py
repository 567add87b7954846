"""The JSON Schema is the one that is shipped, and says of each key what it is for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import hubmirror.manifest
from hubmirror.manifest.schema import manifest_schema, schema_text

SHIPPED = Path(hubmirror.manifest.__file__).with_name("manifest.schema.json")


def test_the_shipped_schema_is_the_generated_one() -> None:
    assert SHIPPED.read_text(encoding="utf-8") == schema_text()


def test_the_schema_names_itself_by_a_relative_address() -> None:
    assert manifest_schema()["$id"] == "hubmirror-manifest-1.json"


def test_every_key_is_described_and_no_unknown_key_is_allowed() -> None:
    schema = manifest_schema()
    objects: list[dict[str, Any]] = [schema, *schema["$defs"].values()]

    for entry in objects:
        assert entry["additionalProperties"] is False
        assert entry["description"]
        for key, value in entry["properties"].items():
            assert value["description"].endswith("."), key


def test_the_schema_is_json_without_what_editors_would_show_for_nothing() -> None:
    text = json.dumps(manifest_schema())

    assert not any(f'"default": {nothing}' in text for nothing in ('""', "null", "false"))
    titles = {entry["title"] for entry in manifest_schema()["$defs"].values()}
    assert titles == {"Checkpoint", "Entrypoint", "Repo", "Settings"}
