"""Origins of the operator's own network, as settings name them."""

from citewell.domain.errors import InvalidError, StartError
from citewell.inference.egress.addresses import Address, Origin


def read_origins(text: str, setting: str) -> frozenset[Origin]:
    """The origins in a list with commas; raises `StartError` naming the setting for any other."""
    return frozenset(_origin(one, setting) for one in map(str.strip, text.split(",")) if one)


def _origin(text: str, setting: str) -> Origin:
    try:
        address = Address.read(text)
    except InvalidError as error:
        raise StartError(f"{setting} has {text!r}. {error.message}", hint=error.hint) from error
    if address.target != "/":
        raise StartError(
            f"{setting} has {text!r}, which is more than an origin.",
            hint=f"Write it as {address.origin}.",
        )
    return address.origin
