"""What an administrator can set.

Every setting has a type, a default and one line that explains it; `vna config show`, README.md and
the messages of what is refused all come from there.
"""

from vna.settings.loading import CONFIG_VARIABLE, Setting, load, show, variable, without_password
from vna.settings.sections import (
    ArchiveSettings,
    DimseSettings,
    HttpSettings,
    IndexSettings,
    JournalSettings,
    LifecycleSettings,
    LogSettings,
    Section,
    ServeSettings,
    Settings,
    StoreSettings,
)
from vna.settings.tiers import LockSettings, TierSettings
from vna.settings.values import parse_ae_title, parse_uid

__all__ = [
    "CONFIG_VARIABLE",
    "ArchiveSettings",
    "DimseSettings",
    "HttpSettings",
    "IndexSettings",
    "JournalSettings",
    "LifecycleSettings",
    "LockSettings",
    "LogSettings",
    "Section",
    "ServeSettings",
    "Setting",
    "Settings",
    "StoreSettings",
    "TierSettings",
    "load",
    "parse_ae_title",
    "parse_uid",
    "show",
    "variable",
    "without_password",
]
