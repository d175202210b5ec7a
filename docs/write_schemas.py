"""Write the JSON Schema of each result to docs/schemas; `make schemas` runs this."""

from __future__ import annotations

import json
from pathlib import Path

from trimtab.storage import json_schema
from trimtab.workflows.results import KINDS

FOLDER = Path(__file__).parent / "schemas"


def schemas() -> dict[str, str]:
    """Return the text of each file by its name."""
    found = {}
    for kind in KINDS.values():
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | json_schema(kind)
        schema["properties"] = {"format": {"const": kind.FORMAT}} | schema["properties"]
        found[f"{kind.FORMAT}.json"] = json.dumps(schema, indent=1, ensure_ascii=False) + "\n"
    return found


if __name__ == "__main__":
    for name, text in schemas().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
