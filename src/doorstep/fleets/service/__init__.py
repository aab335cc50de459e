"""Use cases of fleets: the only writer of its tables.

- ``depots``, ``vehicles``, ``drivers``, ``shifts``: create, update, archive
- ``siting``: where a depot lies, asked of the address index and the roads before the transaction
- ``checks``: rules about single values
- ``rows``: what all four have in common: locking, versions, changes

Locks are taken in the order drivers, vehicles, depots, shifts.
"""
