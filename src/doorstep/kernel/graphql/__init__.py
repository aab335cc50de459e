"""The GraphQL edge that every slice's ``graphql.py`` builds on.

- ``scalars``      the schema's own scalars
- ``values``       coordinates, windows, loads: value types that several slices show
- ``problems``     ``Problem`` and the base of every payload
- ``context``      one operation's principal, reads, batches and writes
- ``batches``      reads of many keys at once, and who waits for them
- ``documents``    what is known of a document by its text
- ``execution``    answers level by level, in columns
- ``connections``  Relay connections over keyset pages
- ``nodes``        ``node`` and ``nodes``
- ``events``       the event log as query and subscription
- ``streams``      what subscriptions are made of: the log from a cursor on (``tails``), and newest states (``rounds``)
- ``changes``      what streams of changing objects have in common
- ``sharing``      subscriptions, executed once for all who follow the same
- ``faults``       what an error looks like to a client
- ``view``         GraphQL over HTTP and over WebSocket, to the letter of the specs
"""
