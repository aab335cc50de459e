"""PostgreSQL as Doorstep needs it: the embedded cluster, the rules about roles, and the schema's version.

Read in this order:

* ``cluster``     the embedded cluster as callers see it: start (or join), addresses, databases, release
* ``supervisor``  the process that owns the server, keeps it running while somebody holds the lease, then stops it
* ``folder``, ``locks``, ``account``, ``binaries``, ``initialise``, ``postmaster``   what these two stand on
* ``grants``      the three roles and their rights, as SQL text
* ``roles``       the same for a database of your own: make, check, or print what an administrator has to run
* ``migrate``     Alembic under a lock, and the refusal to run on another version of the schema
* ``backup``      a backup of the embedded cluster and its files, and putting one back; ``archive`` is the file's format

Three roles, in every database: ``doorstep_owner`` owns the tables and migrates, ``doorstep_system`` reads and
writes for all tenants, ``doorstep_app`` serves requests and sees one tenant at a time. The superuser belongs to
the launcher alone.

Nothing is imported here: the supervisor starts in a bare interpreter and must not pay for asyncpg and Alembic.
"""
