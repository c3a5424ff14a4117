"""A process that starts or attaches to a private PostgreSQL and holds it until it is told."""

import sys
from pathlib import Path

from citewell.storage.embedded import EmbeddedPostgres

if __name__ == "__main__":
    embedded = EmbeddedPostgres.start(Path(sys.argv[1]))
    print(embedded.url, flush=True)
    sys.stdin.read()
    embedded.stop()
