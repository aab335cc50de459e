"""What PostgreSQL's own catalog must say of the walls between tenants. Each check is a query that returns what is wrong, in words.

A table, view, function or role that is made tomorrow is checked tomorrow. What is right to differ stands in ``EXCEPTIONS``, by name, with the
reason and with the test that holds it in the wall's stead.
"""

from dataclasses import dataclass

import asyncpg
import orjson

TENANT = "( SELECT (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid AS \"nullif\")"
"""The tenant of the transaction, as PostgreSQL prints it."""

WALLS = "tests/kernel/test_tenant_walls.py"
LINKS = "tests/tracking/test_recipient_links.py"
RECIPIENTS = "tests/tracking/test_recipients.py"


@dataclass(frozen=True)
class Exempt:
    """Why something differs from the rule, and the test that holds it all the same (``file::test``)."""

    why: str
    covered_by: str


NO_TENANT = {
    "alembic_version": Exempt(
        "which migration is in", f"{WALLS}::test_requests_cannot_write_what_belongs_to_no_tenant"
    ),
    "installation": Exempt("the log's epoch", f"{WALLS}::test_requests_cannot_write_what_belongs_to_no_tenant"),
    "workers": Exempt("processes that live", f"{WALLS}::test_requests_cannot_write_what_belongs_to_no_tenant"),
    "closures": Exempt(
        "receipts of tenants that are gone, the operator's: requests may not even read them",
        f"{WALLS}::test_requests_cannot_write_what_belongs_to_no_tenant",
    ),
    "point_buckets": Exempt(
        "how much credentials may still ask for: requests may not even read it",
        f"{WALLS}::test_requests_cannot_write_what_belongs_to_no_tenant",
    ),
    "map_extracts": Exempt("the public map", f"{WALLS}::test_requests_cannot_write_what_belongs_to_no_tenant"),
    "map_names": Exempt("the public map", f"{WALLS}::test_requests_cannot_write_what_belongs_to_no_tenant"),
    "map_houses": Exempt("the public map", f"{WALLS}::test_requests_cannot_write_what_belongs_to_no_tenant"),
}
"""Tables that belong to no tenant: without a wall, and requests may at most read them."""

ORGANIZATION = f"( SELECT tenant.organization_id\n   FROM tenants tenant\n  WHERE (tenant.id = {TENANT}))"
"""The organization of the transaction's tenant, as PostgreSQL prints it."""


@dataclass(frozen=True)
class OtherWall(Exempt):
    """A table whose rows say whose they are by other columns than ``tenant_id``."""

    policy: str
    """The policy ``tenant``, both clauses, printed as PostgreSQL does."""

    owners: tuple[str, ...]
    """The columns that say whose a row is: keys begin with one of them."""


_COMPANY = "of a company with a live and a test tenant"
_COMPANY_TEST = f"{WALLS}::test_another_organizations_members_and_roles_do_not_exist"
_TWO = f"((merchant_id = {TENANT}) OR (carrier_id = {TENANT}))"
_TWO_TESTS = "tests/partners/test_two_tenants.py::test_a_third_tenant_sees_neither_partnership_nor_tender"

OTHER_WALLS: dict[str, OtherWall] = {
    "tenants": OtherWall(
        "a tenant's row is its own tenant id",
        f"{WALLS}::test_a_tenant_sees_only_its_own_row",
        f"(id = {TENANT})",
        ("id", "organization_id"),
    ),
    "organizations": OtherWall(_COMPANY, _COMPANY_TEST, f"(id = {ORGANIZATION})", ("id",)),
    "members": OtherWall(_COMPANY, _COMPANY_TEST, f"(organization_id = {ORGANIZATION})", ("organization_id",)),
    "roles": OtherWall(_COMPANY, _COMPANY_TEST, f"(organization_id = {ORGANIZATION})", ("organization_id",)),
    "partnerships": OtherWall("two companies' own", _TWO_TESTS, _TWO, ("merchant_id", "carrier_id")),
    "tenders": OtherWall("two companies' own", _TWO_TESTS, _TWO, ("merchant_id", "carrier_id")),
}

OTHER_KEYS = {
    "tenants_slug_key": Exempt(
        "an operator gives slugs; requests never do", f"{WALLS}::test_requests_cannot_write_what_belongs_to_no_tenant"
    ),
    "sign_in_providers_issuer_audience_key": Exempt(
        "an issuer and audience lead to one tenant; an operator gives them",
        "tests/identity/oidc/test_providers.py::test_requests_can_neither_add_an_issuer_nor_list_those_of_others",
    ),
}
"""Unique indexes that do not begin with the tenant."""

_REACH = Exempt(
    "a policy asks it about rows that other policies hide; it says yes or no, and always no of another tenant's",
    f"{WALLS}::test_what_a_credential_reaches_is_never_another_tenants",
)
_SIGN_IN = f"{WALLS}::test_nobody_is_signed_in_from_inside_a_tenant"
_STANDING = f"{WALLS}::test_issuers_and_standing_of_others_are_not_told_inside_a_tenant"

LOOKS_PAST = {
    "doorstep_authenticate(bytea)": Exempt(
        "a key is looked up before a tenant is known", f"{WALLS}::test_a_key_is_found_by_its_whole_hash_alone"
    ),
    "doorstep_recipient(bytea)": Exempt(
        "a recipient's link is looked up before a tenant is known; inside one it tells that one's alone",
        f"{LINKS}::test_a_link_is_found_by_its_whole_hash_alone_and_inside_a_tenant_only_its_own",
    ),
    "doorstep_way_to_recipient()": Exempt(
        "the vehicle on the way to the one order in reach, whose route is out of reach",
        f"{RECIPIENTS}::test_no_other_order_is_asked_for_its_vehicle",
    ),
    "doorstep_redeem_invitation(bytea)": Exempt(
        "an invitation is looked up by its hash before its carrier is known",
        "tests/partners/test_two_tenants.py::test_nobody_can_forge_a_row_in_anothers_name",
    ),
    "doorstep_set_sandbox_clock(timestamp with time zone,double precision)": Exempt(
        "a request sets its own TEST tenant's clock",
        "tests/sandbox/test_clock.py::test_no_request_of_the_application_sets_another_clock",
    ),
    "doorstep_shared_orders(uuid[])": Exempt(
        "what a partnership shares of an accepted order",
        "tests/partners/test_two_tenants.py::test_the_shared_fields_are_shown_to_who_accepted_and_to_nobody_else",
    ),
    "doorstep_would_come_back(uuid[],uuid[])": Exempt(
        "whether one's own order came from one of these companies",
        "tests/partners/test_chains.py::test_the_way_of_an_order_is_told_to_who_has_it_alone",
    ),
    "doorstep_empty_tenders(uuid,uuid[])": Exempt(
        "columns of tenders that requests may not write, emptied by their own merchant alone",
        f"{WALLS}::test_tenders_are_emptied_by_their_merchant_alone",
    ),
    "doorstep_sign_in(uuid,text,text,text)": Exempt("a member is looked up before a tenant is set", _SIGN_IN),
    "doorstep_sign_in_providers(text)": Exempt(
        "an issuer is looked up before a tenant is set; inside one it tells that one's alone", _STANDING
    ),
    "doorstep_carrier_is_sandbox(uuid)": Exempt(
        "whether the carrier of the tenant's own offer is a sandbox, too",
        "tests/sandbox/test_declines.py::test_no_more_of_the_carrier_is_told_than_the_answer",
    ),
    "doorstep_standing(uuid)": Exempt("asked before a tenant is set; inside one it tells that one's alone", _STANDING),
    **dict.fromkeys(
        (
            "doorstep_driver_has_order(uuid,uuid,uuid)",
            "doorstep_reaches_depot(uuid,uuid)",
            "doorstep_reaches_driver(uuid,uuid)",
            "doorstep_reaches_event(uuid,uuid,uuid,uuid,jsonb)",
            "doorstep_reaches_order(uuid,uuid)",
            "doorstep_reaches_orders_of_route(uuid,uuid)",
            "doorstep_reaches_plan(uuid,uuid)",
            "doorstep_reaches_route(uuid,uuid)",
            "doorstep_reaches_shift(uuid,uuid)",
            "doorstep_reaches_stop(uuid,uuid)",
            "doorstep_reaches_vehicle(uuid,uuid)",
        ),
        _REACH,
    ),
    **dict.fromkeys(
        (
            "doorstep_assignment_out_of_reach(uuid,uuid)",
            "doorstep_route_out_of_reach(uuid,uuid)",
            "doorstep_shift_out_of_reach(uuid,uuid,uuid,uuid,timestamp with time zone,timestamp with time zone,uuid)",
        ),
        Exempt(
            "a limited credential may not take what is in use out of its sight; it is told that something is, never what",
            f"{WALLS}::test_what_is_out_of_reach_is_told_of_ones_own_tenant_alone",
        ),
    ),
    **dict.fromkeys(
        ("doorstep_ensure_event_partitions(integer)", "doorstep_drop_event_partition(integer,text[])"),
        Exempt(
            "partitions are the owner's to make and to drop, and no request's",
            f"{WALLS}::test_requests_cannot_write_what_belongs_to_no_tenant",
        ),
    ),
}
"""Functions that run with the owner's rights, and so look past every wall."""

_WHOLE_COMPANY = "tests/identity/test_reach.py::test_what_is_about_the_whole_company_is_forbidden_to_a_till"
_UNNAMED = "tests/isolation/test_walk.py::test_no_answer_holds_a_canary_or_a_foreign_id"

WITHOUT_REACH = {
    "tenants": Exempt(
        "the company's own name and settings: `viewer` shows them", f"{WALLS}::test_a_tenant_sees_only_its_own_row"
    ),
    **dict.fromkeys(
        ("organizations", "members", "roles"), Exempt("members:* is about the whole company", _WHOLE_COMPANY)
    ),
    "api_keys": Exempt("keys:* is about the whole company", _WHOLE_COMPANY),
    **dict.fromkeys(
        ("partnerships", "tenders", "tender_queues", "relayed_events"),
        Exempt("partners:* is about the whole company", _WHOLE_COMPANY),
    ),
    **dict.fromkeys(
        ("audit_entries", "audit_subjects", "erasures", "retention_settings"),
        Exempt("audit:read and privacy:write are about the whole company", _WHOLE_COMPANY),
    ),
    "usage_days": Exempt("usage:read is about the whole company", _WHOLE_COMPANY),
    **dict.fromkeys(
        ("consumers", "event_heads", "idempotency_keys", "jobs", "sign_in_providers"),
        Exempt("no field shows these rows: who writes needs them, whatever it may write", _UNNAMED),
    ),
}
"""Tables of tenant data whose rows are not a depot's, an order's or a driver's, so that no policy ``reach`` narrows them."""

EXCEPTIONS: dict[str, Exempt] = {
    **NO_TENANT,
    **OTHER_WALLS,
    **OTHER_KEYS,
    **LOOKS_PAST,
    **{f"reach of {name}": exception for name, exception in WITHOUT_REACH.items()},
}
"""All of them, for the test that each is held by a test that exists."""

_OURS = """
NOT EXISTS (SELECT FROM pg_depend WHERE objid = {oid} AND deptype = 'e')
"""

_TABLES = f"""
WITH tables AS (
  SELECT class.*, class.oid AS id, relname::text AS name FROM pg_class AS class
  WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND {_OURS.format(oid="class.oid")}
), walled AS (SELECT * FROM tables WHERE name <> ALL($1))
"""

CHECKS: dict[str, str] = {
    "row-level security is forced": f"""{_TABLES}
        SELECT name || ' has no forced row-level security' FROM walled WHERE NOT (relrowsecurity AND relforcerowsecurity)
    """,
    "the tenant's policy, both clauses": f"""{_TABLES}, wanted AS (
          SELECT id, name, coalesce($2::jsonb -> name ->> 'policy', '(tenant_id = {TENANT.replace("'", "''")})') AS text FROM walled
        )
        SELECT name || ' lacks the policy tenant: ' || text FROM wanted WHERE NOT EXISTS (
          SELECT FROM pg_policy WHERE polrelid = id AND polname = 'tenant' AND polpermissive AND polcmd = '*'
            AND polroles = ARRAY['doorstep_app'::regrole::oid]
            AND pg_get_expr(polqual, id) = text AND pg_get_expr(polwithcheck, id) = text)
    """,
    "nothing widens the wall": f"""{_TABLES}
        SELECT name || '.' || polname || ' lets more through' FROM tables JOIN pg_policy ON polrelid = id
        WHERE polpermissive AND polname <> 'tenant' AND NOT (polname = 'system'
          AND polroles @> ARRAY['doorstep_system'::regrole::oid]
          AND polroles <@ ARRAY['doorstep_owner'::regrole::oid, 'doorstep_system'::regrole::oid])
    """,
    "a limited credential's reach": f"""{_TABLES}
        SELECT name || ' has no policy reach' FROM walled WHERE NOT relispartition AND name <> ALL($5) AND NOT EXISTS (
          SELECT FROM pg_policy WHERE polrelid = id AND polname = 'reach' AND NOT polpermissive AND polroles = ARRAY['doorstep_app'::regrole::oid]
            AND polqual IS NOT NULL AND (polcmd = '*' OR polcmd = 'r'
              AND NOT has_table_privilege('doorstep_app', id, 'UPDATE') AND NOT has_table_privilege('doorstep_app', id, 'DELETE')))
    """,
    "every row says its tenant": f"""{_TABLES}
        SELECT name || ' has no tenant_id uuid NOT NULL' FROM walled WHERE $2::jsonb -> name IS NULL AND NOT EXISTS (
          SELECT FROM pg_attribute WHERE attrelid = id AND attname = 'tenant_id' AND attnotnull AND atttypid = 'uuid'::regtype)
    """,
    "unique keys begin with the tenant": f"""{_TABLES}
        SELECT name || ': ' || indexrelid::regclass || ' does not begin with tenant_id' FROM walled
        JOIN pg_index ON indrelid = id AND indisunique
        LEFT JOIN pg_attribute AS led ON led.attrelid = id AND led.attnum = indkey[0]
        WHERE NOT coalesce(coalesce($2::jsonb -> name -> 'owners', '["tenant_id"]') ? led.attname::text, false)
          AND indexrelid::regclass::text <> ALL($3)
    """,
    "foreign keys take the tenant along": f"""{_TABLES}
        SELECT name || ': ' || conname || ' may point at another tenant''s row' FROM walled
        JOIN pg_constraint ON conrelid = id AND contype = 'f'
        JOIN pg_attribute AS near ON near.attrelid = conrelid AND near.attnum = conkey[1]
        JOIN pg_attribute AS far ON far.attrelid = confrelid AND far.attnum = confkey[1]
        WHERE NOT coalesce($2::jsonb -> name -> 'owners', '["tenant_id"]') ? near.attname::text
          OR NOT coalesce($2::jsonb -> confrelid::regclass::text -> 'owners', '["tenant_id"]') ? far.attname::text
    """,
    "views look with the eyes of who asks": f"""
        SELECT relname || ' shows what its owner sees' FROM pg_class AS class
        WHERE relnamespace = 'public'::regnamespace AND {_OURS.format(oid="class.oid")}
          AND (relkind IN ('m', 'f') OR relkind = 'v' AND NOT coalesce(reloptions, '{{}}') && ARRAY['security_invoker=true', 'security_invoker=on'])
    """,
    "functions with the owner's rights": f"""
        SELECT procedure.oid::regprocedure || ' ' || fault FROM pg_proc AS procedure, LATERAL (VALUES
          ('is not in the list of those that look past the walls', procedure.oid::regprocedure::text = ANY($4)),
          ('has no search_path of its own that begins with pg_catalog',
           EXISTS (SELECT FROM unnest(proconfig) AS setting WHERE setting LIKE 'search_path=pg_catalog%')),
          ('may be run by anybody', NOT EXISTS (
            SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) WHERE grantee = 0)),
          ('is not the owner''s', proowner = 'doorstep_owner'::regrole)
        ) AS faults(fault, fine)
        WHERE prosecdef AND NOT fine AND pronamespace <> 'pg_catalog'::regnamespace AND {_OURS.format(oid="procedure.oid")}
    """,
    "one owner": f"""
        SELECT class.oid::regclass || ' belongs to ' || relowner::regrole FROM pg_class AS class
        WHERE relnamespace = 'public'::regnamespace AND relowner <> 'doorstep_owner'::regrole AND {_OURS.format(oid="class.oid")}
        UNION ALL
        SELECT 'the schema ' || nspname || ' is not watched' FROM pg_namespace
        WHERE nspname NOT IN ('public', 'information_schema') AND nspname NOT LIKE 'pg\\_%'
    """,
    "roles without powers": """
        SELECT rolname || ' has a power that looks past the walls' FROM pg_roles
        WHERE rolname IN ('doorstep_app', 'doorstep_system') AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)
        UNION ALL
        SELECT member::regrole || ' is a member of ' || roleid::regrole FROM pg_auth_members
        WHERE member IN ('doorstep_app'::regrole, 'doorstep_system'::regrole)
        UNION ALL
        SELECT 'doorstep_app may make objects that stand in front of ours' FROM pg_database
        WHERE datname = current_database() AND (has_database_privilege('doorstep_app', oid, 'CREATE')
          OR has_schema_privilege('doorstep_app', 'public', 'CREATE'))
    """,
    "rights of requests": f"""{_TABLES}
        SELECT name || ': doorstep_app may ' || right_ FROM tables,
          unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS right_
        WHERE has_table_privilege('doorstep_app', id, right_)
          AND (name = ANY($1) OR relispartition OR right_ IN ('TRUNCATE', 'REFERENCES', 'TRIGGER'))
        UNION ALL
        SELECT name || ': doorstep_app may read past the parent' FROM tables
        WHERE relispartition AND has_table_privilege('doorstep_app', id, 'SELECT')
        UNION ALL
        SELECT name || ': anybody may ' || privilege_type FROM tables, aclexplode(relacl) WHERE grantee = 0
    """,
    "no counter is shared between tenants": f"""{_TABLES}
        SELECT name || '.' || attname || ' counts across tenants' FROM walled
        JOIN pg_attribute ON attrelid = id AND attnum > 0 AND NOT attisdropped
        LEFT JOIN pg_attrdef ON adrelid = id AND adnum = attnum
        WHERE attidentity <> '' OR pg_get_expr(adbin, adrelid) LIKE 'nextval%'
    """,
}
"""What is checked → a query for what is wrong. $1: tables of no tenant; $2: other walls as JSON; $3: other keys; $4: known functions; $5: tables without reach."""


async def findings(connection: asyncpg.Connection, check: str) -> list[str]:
    """What is wrong, by one check."""
    sql = CHECKS[check]
    others = {name: {"policy": wall.policy, "owners": wall.owners} for name, wall in OTHER_WALLS.items()}
    offered = [
        sorted(NO_TENANT),
        orjson.dumps(others).decode(),
        sorted(OTHER_KEYS),
        sorted(LOOKS_PAST),
        sorted(WITHOUT_REACH),
    ]
    # The driver refuses arguments that a statement does not use.
    used = [value for number, value in enumerate(offered, 1) if f"${number}" in sql]
    for new, old in enumerate((number for number in range(1, 6) if f"${number}" in sql), 1):
        sql = sql.replace(f"${old}", f"${new}")
    return sorted(row[0] for row in await connection.fetch(sql, *used))
