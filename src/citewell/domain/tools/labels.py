"""What a tool can do to whom: said by whoever writes it, or approves of it."""

from enum import StrEnum


class Label(StrEnum):
    """What a call of a tool does beyond computing."""

    READ = "read"
    """Looks at what the caller may see."""
    WRITE = "write"
    """Changes something that outlives the run."""
    EGRESS = "egress"
    """Sends its arguments out of the installation."""
    CROSS_SCOPE = "cross-scope"
    """Reaches beyond what the caller could reach by hand."""
