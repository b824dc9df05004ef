"""The JSON Schema of the config as a file, which configs name for editors."""

from __future__ import annotations

import json

from textrnn.config.schema import json_schema


def files() -> dict[str, str]:
    return {"schema/textrnn.schema.json": json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"}
