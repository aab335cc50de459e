"""The three roles and their rights, as SQL text: the one place that says who may do what.

Used for the embedded cluster (run by the superuser while nobody can connect) and for a database of the operator's own
(run by the owner login, or printed for an administrator).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

OWNER = "doorstep_owner"
SYSTEM = "doorstep_system"
APP = "doorstep_app"
DATABASE = "doorstep"
SCHEMA = "public"
EXTENSIONS = ("pg_trgm",)
RUNTIME_ROLES = (SYSTEM, APP)

# A new role has none of the rights of a superuser; naming those that a CREATEROLE login may not name would be refused.
_PLAIN = "NOCREATEDB NOCREATEROLE"
_ITERATIONS = 4096


def identifier(name: str) -> str:
    """``name`` quoted as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """``text`` quoted as an SQL string, whatever ``standard_conforming_strings`` says."""
    quoted = text.replace("'", "''")
    return f"'{quoted}'" if "\\" not in quoted else " E'" + quoted.replace("\\", "\\\\") + "'"


def password_secret(password: str) -> str:
    """What to write after PASSWORD: the SCRAM verifier, so that no server log ever holds the password itself.

    A password outside ASCII goes as it is: only the server prepares such text as its clients will.
    """
    if not password.isascii():
        return password
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${_ITERATIONS}:{_base64(salt)}${_base64(stored)}:{_base64(server)}"


def create_role(role: str, password: str | None, *, readable: bool = False) -> str:
    """A plain role; it may log in when there is a password, which is written as a verifier unless ``readable``."""
    if not password:
        return f"CREATE ROLE {identifier(role)} NOLOGIN {_PLAIN}"
    secret = password if readable else password_secret(password)
    return f"CREATE ROLE {identifier(role)} LOGIN PASSWORD {literal(secret)} {_PLAIN}"


def set_password(role: str, password: str) -> str:
    """Let the role log in with this password."""
    return f"ALTER ROLE {identifier(role)} LOGIN PASSWORD {literal(password_secret(password))}"


def database_rights(database: str) -> list[str]:
    """Who may connect to the database. Run by its owner or the superuser."""
    name = identifier(database)
    return [
        f"REVOKE ALL ON DATABASE {name} FROM PUBLIC",
        f"GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {name} TO {OWNER}",
        f"GRANT CONNECT ON DATABASE {name} TO {SYSTEM}, {APP}",
    ]


def schema_rights() -> list[str]:
    """Who may use the schema. Run inside the database."""
    return [
        f"REVOKE CREATE ON SCHEMA {SCHEMA} FROM PUBLIC",
        f"GRANT USAGE, CREATE ON SCHEMA {SCHEMA} TO {OWNER}",
        f"GRANT USAGE ON SCHEMA {SCHEMA} TO {SYSTEM}, {APP}",
    ]


def default_rights() -> list[str]:
    """Rights on everything that the owner will make, so that no migration can forget them. Run inside the database.

    Functions are closed to everybody else: those that run with the owner's rights look up keys of any tenant.
    """
    everything = f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER}"
    here = f"{everything} IN SCHEMA {SCHEMA}"
    users = f"{SYSTEM}, {APP}"
    return [
        f"{everything} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
        f"{here} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {users}",
        f"{here} GRANT USAGE, SELECT ON SEQUENCES TO {users}",
        f"{here} GRANT EXECUTE ON FUNCTIONS TO {users}",
    ]


def create_extensions() -> list[str]:
    """Extensions that the tables need; the superuser's, so that their functions stay open to the other roles."""
    return [f"CREATE EXTENSION IF NOT EXISTS {name} WITH SCHEMA {SCHEMA}" for name in EXTENSIONS]


def rights_inside_database() -> list[str]:
    """All that has to be run inside a database before the first migration."""
    return [*schema_rights(), *create_extensions(), *default_rights()]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
