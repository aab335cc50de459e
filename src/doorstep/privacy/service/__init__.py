"""Use cases of privacy: the only writer of its tables.

- ``erasing``  erase a person from everything, with a receipt
"""

from doorstep.privacy.service.erasing import Person, erase_orders, erase_recipient

__all__ = ["Person", "erase_orders", "erase_recipient"]
