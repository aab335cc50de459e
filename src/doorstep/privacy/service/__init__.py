"""Use cases of privacy: the only writer of its tables.

- ``erasing``    erase a person from everything, with a receipt
- ``retention``  how long what is kept
"""

from doorstep.privacy.service.erasing import ERASE_COPY, Person, erase_copy, erase_orders, erase_recipient
from doorstep.privacy.service.retention import update_retention

__all__ = ["ERASE_COPY", "Person", "erase_copy", "erase_orders", "erase_recipient", "update_retention"]
