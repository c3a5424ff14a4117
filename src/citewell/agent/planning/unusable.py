"""What a model has said cannot be used, or it has said nothing."""


class NoCounselError(Exception):
    """The model has not helped: `reason` is a word for the trace.

    `limit`, `budget`, `late`, `unavailable`, or `invalid` for what cannot be used.
    """

    def __init__(self, reason: str, why: str = "") -> None:
        super().__init__(f"{reason}: {why}" if why else reason)
        self.reason = reason
