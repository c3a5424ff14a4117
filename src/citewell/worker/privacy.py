"""What a worker does for people's privacy, put together from rooms that do not see each other."""

from citewell.accounts.privacy.erasing import Erasing
from citewell.accounts.privacy.retention import Clocks, Retention
from citewell.bootstrap import Core
from citewell.documents.removal import remove_uploads
from citewell.storage.ledger import Ledger


def erasing_of(core: Core) -> Erasing:
    """Runs the job `erase`, and replays the ledger."""
    return Erasing(core.database, core.blobs, Ledger(core.home / "ledger"), remove_uploads)


def retention_of(core: Core) -> Retention:
    """Removes what is due."""
    kept = core.settings.retention
    clocks = Clocks(kept.conversation_days, kept.event_days, kept.export_days)
    return Retention(core.database, core.blobs, clocks)
