"""PINs that a recipient tells the driver, also one that a company keeps to itself: whoever carries for it holds only the hash.

The hash keeps a PIN from the people who read an order; four digits withstand nobody who has the database.
"""

from hashlib import sha256
from hmac import compare_digest

HIDDEN_PIN = "sha256:"
"""How a PIN begins that a merchant keeps to itself: the copy holds ``sha256:SALT:HASH``, enough to judge what the recipient says."""


def shown_pin(pin: str | None) -> str | None:
    """The PIN as people may read it: None where there is none, and where only its hash was shared."""
    return None if pin is None or pin.startswith(HIDDEN_PIN) else pin


def pin_fits(pin: str, said: str) -> bool:
    """Whether what the recipient said is the PIN; compared in constant time."""
    if pin.startswith(HIDDEN_PIN):
        _, salt, wanted = pin.split(":")
        return compare_digest(sha256((salt + said).encode()).hexdigest(), wanted)
    return compare_digest(pin.encode(), said.encode())
