"""Messages: what Doorstep tells a company's owners by mail, and the outbox that shows it.

A **message** is written by a durable consumer of the event log (``jobs/telling.py``), one for each owner, in the transaction that moves the
consumer's place: so each event is told once, also over crashes. A job of each message sends it (``jobs/sending.py``).

- A message holds no address: it goes to the one that the owner has when it is sent.
- It is PENDING until it is SENT, FAILED after a day of vain tries, or KEPT where the installation has no mail server.
- A worker that dies between the mail server's yes and its own commit sends again. ``Message-ID`` is made of the message's id, so that mail programs
  can drop the double.
- It holds names of the tenant's own and no secret; nothing that a recipient of a delivery ever wrote.
"""
