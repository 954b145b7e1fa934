"""The shape of the code: which part may know which."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.offenders import for_each
from tests.tools import ROOT

#: What each part may import of the project, beside itself.
MAY_IMPORT = {
    "web": set(),
    "config": {"web"},
    "log": set(),
    "signals": set(),
    "exotel": {"config", "log", "web"},
    "collect": {"exotel", "config", "log"},
    "metrics": {"collect", "exotel"},
    "http": {"metrics", "collect", "exotel", "config", "log", "signals", "web"},
    "flags": {"config"},
    "output": {"log", "web"},
    "doctor": {"exotel", "config", "log", "web", "flags", "output", "signals"},
    "capture": {"collect", "exotel", "config", "log", "archive", "web", "flags", "output", "signals"},
    "archive": set(),
    "simulator": {"archive"},
    "demo": {"collect", "exotel", "config", "simulator"},
    "cli": {
        "http",
        "metrics",
        "collect",
        "exotel",
        "config",
        "log",
        "web",
        "demo",
        "doctor",
        "capture",
        "flags",
        "output",
    },
    "__main__": {"cli", "signals"},
    "__init__": set(),
}
FILES = sorted((ROOT / "exporter").rglob("*.py"))


def imported(file: Path) -> set[str]:
    """Return the parts of the project that a file imports."""
    modules = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}: relative imports hide where they lead"
            modules.append(node.module or "")
        elif isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
    return {module.split(".")[1] for module in modules if module.startswith("exporter.")}


@for_each((str(file.relative_to(ROOT)), file) for file in FILES)
def test_imports_only_go_down(file: Path) -> None:
    """Imports go http → metrics → collect → exotel → config; only the demo runs the simulator."""
    part = file.relative_to(ROOT / "exporter").parts[0].removesuffix(".py")
    assert imported(file) - {part} <= MAY_IMPORT[part]
