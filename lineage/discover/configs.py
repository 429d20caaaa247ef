"""Where the configs of a deployment lie; Discover reads them, nothing here does."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Configs(NamedTuple):
    """Folders: logger categories, table definitions, job files, training manifests, exports."""

    categories: Path
    tables: Path
    jobs: Path
    manifests: Path
    exports: Path
