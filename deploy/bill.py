"""Gives the bill of materials the number that tools ask of one: `python -m deploy.bill`, in `make lock`."""

import json
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

FILE = Path(__file__).with_name("sbom.cdx.json")


def numbered(bill: dict[str, Any]) -> dict[str, Any]:
    """Return a bill whose number follows from what it lists: who makes it again gets the same."""
    content = json.dumps({**bill, "serialNumber": None}, sort_keys=True)
    return {**bill, "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, content)}"}


if __name__ == "__main__":
    FILE.write_text(json.dumps(numbered(json.loads(FILE.read_text(encoding="utf-8"))), indent=2), "utf-8")
