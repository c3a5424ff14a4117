"""What the figures were taken on."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

PACKAGES = ("faiss-cpu", "tantivy", "onnxruntime", "numpy", "psycopg", "fastapi")


def machine() -> dict[str, Any]:
    """System, cores, time and the versions that matter."""
    return {
        "system": platform.platform(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "packages": {name: version(name) for name in PACKAGES},
    }
