"""The DDL behind tenancy: policies, grants, and the few functions that see more than one tenant."""

from typing import Any

import sqlalchemy as sa

TENANT_CONDITION = "(SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)"


def protect(table: str, column: str = "tenant_id") -> list[str]:
    """Forced row-level security with both clauses, and full sight for the owner (migrations) and the system role."""
    mine = f"{column} = {TENANT_CONDITION}"
    return [
        f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY',
        f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY',
        f'CREATE POLICY tenant ON "{table}" TO doorstep_app USING ({mine}) WITH CHECK ({mine})',
        f'CREATE POLICY system ON "{table}" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)',
    ]


def protect_tenant_tables(op: Any) -> None:
    """Protect every table that has a ``tenant_id``, and ``tenants`` by its own id."""
    inspector = sa.inspect(op.get_bind())
    for table in inspector.get_table_names():
        if any(column["name"] == "tenant_id" for column in inspector.get_columns(table)):
            for statement in protect(table):
                op.execute(statement)
    for statement in protect("tenants", "id"):
        op.execute(statement)


GLOBAL_TABLES = [
    "INSERT INTO installation (id, epoch) VALUES (1, 1)",
    "REVOKE ALL ON installation, workers FROM doorstep_app",
    "GRANT SELECT ON installation TO doorstep_app",
    """DO $$ BEGIN IF to_regclass('map_names') IS NOT NULL THEN
       REVOKE INSERT, UPDATE, DELETE ON map_extracts, map_names, map_houses FROM doorstep_app; END IF; END $$""",
    "REVOKE INSERT, UPDATE, DELETE ON tenants FROM doorstep_app",
    "REVOKE UPDATE, DELETE ON events FROM doorstep_app",
]
"""Tables without a tenant: requests may read what they need and write nothing."""

AUTHENTICATE = """
CREATE FUNCTION doorstep_authenticate(key_hash bytea)
RETURNS TABLE (tenant_id uuid, key_id uuid, scopes jsonb, time_zone text, country text,
               clock_anchor_wall float8, clock_anchor float8, clock_rate float8)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH found AS (
    SELECT key.tenant_id, key.id, key.scopes, key.last_used_at FROM public.api_keys AS key
    WHERE key.hash = key_hash AND key.revoked_at IS NULL AND (key.expires_at IS NULL OR key.expires_at > now())
  ), used AS (
    UPDATE public.api_keys AS key SET last_used_at = now() FROM found
    WHERE key.tenant_id = found.tenant_id AND key.id = found.id
      AND (found.last_used_at IS NULL OR found.last_used_at < now() - interval '1 minute')
  )
  SELECT found.tenant_id, found.id, found.scopes, tenant.time_zone::text, tenant.country::text,
         tenant.clock_anchor_wall, tenant.clock_anchor, tenant.clock_rate
  FROM found JOIN public.tenants AS tenant ON tenant.id = found.tenant_id;
END $$
"""
"""Looks a key up before its tenant is known; the one place where a request sees past its tenant, by a hash of 256 random bits."""

ENSURE_EVENT_PARTITIONS = f"""
CREATE FUNCTION doorstep_ensure_event_partitions(months integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $body$
DECLARE
  first date := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
  starts date;
  ends date;
  made integer := 0;
  name text;
BEGIN
  FOR step IN 0..months LOOP
    starts := first + make_interval(months => step);
    ends := first + make_interval(months => step + 1);
    name := 'events_' || to_char(starts, 'YYYYMM');
    IF to_regclass('public.' || name) IS NULL THEN
      EXECUTE format('CREATE TABLE public.%I PARTITION OF public.events FOR VALUES FROM (%L) TO (%L)',
        name, starts::text || ' 00:00+00', ends::text || ' 00:00+00');
      EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', name);
      EXECUTE format('ALTER TABLE public.%I FORCE ROW LEVEL SECURITY', name);
      EXECUTE format($policy$CREATE POLICY tenant ON public.%I TO doorstep_app
        USING (tenant_id = {TENANT_CONDITION}) WITH CHECK (tenant_id = {TENANT_CONDITION})$policy$, name);
      EXECUTE format('CREATE POLICY system ON public.%I TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)', name);
      EXECUTE format('REVOKE ALL ON public.%I FROM doorstep_app', name);
      made := made + 1;
    END IF;
  END LOOP;
  RETURN made;
END $body$
"""
"""Months of the event log, made ahead of time; a partition is walled like its parent and not reachable past it."""

EVENT_PARTITIONS = [
    ENSURE_EVENT_PARTITIONS,
    "REVOKE EXECUTE ON FUNCTION doorstep_ensure_event_partitions(integer) FROM doorstep_app",
    "SELECT doorstep_ensure_event_partitions(3)",
]
