"""A configuration as it may be shown: without secrets, and without telephone numbers."""

from __future__ import annotations

from typing import Any

from exporter.config.secret import Secret
from exporter.config.sections import Setting, settings, subsections


def masked(section: Any) -> dict[str, Any]:
    """Give a section as the file could hold it, by key, with `<secret>` for what is secret."""
    kind = type(section)
    shown = dict(_shown(setting, getattr(section, setting.name)) for setting in settings(kind))
    return shown | {name: masked(getattr(section, name)) for name in subsections(kind)}


def _shown(setting: Setting, value: Any) -> tuple[str, Any]:
    if isinstance(value, Secret):
        return (f"{setting.name}_file", str(value.file)) if value.file else (setting.name, "<secret>")
    parser = setting.parsers[setting.name]
    return setting.name, None if value is None else parser.show(value)
