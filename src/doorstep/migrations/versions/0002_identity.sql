-- Organizations, members, roles, access tokens; what a credential may be limited to, enforced beside the tenant's wall.
-- Frozen: what comes later is a revision of its own. Statements are separated by lines of two dashes.
--
CREATE TABLE organizations (
    id UUID NOT NULL,
    name VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (id)
)
--
INSERT INTO organizations (id, name, version) SELECT id, name, 1 FROM tenants
--
ALTER TABLE tenants ADD COLUMN organization_id UUID, ADD COLUMN locale VARCHAR DEFAULT 'en' NOT NULL, ADD COLUMN version INTEGER DEFAULT 1 NOT NULL,
    ADD COLUMN updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, ADD COLUMN complete_without_arrival BOOLEAN DEFAULT false NOT NULL
--
UPDATE tenants SET organization_id = id
--
ALTER TABLE tenants ALTER COLUMN organization_id SET NOT NULL
--
ALTER TABLE tenants ADD FOREIGN KEY (organization_id) REFERENCES organizations (id)
--
CREATE UNIQUE INDEX tenants_one_of_a_mode ON tenants (organization_id, mode)
--
INSERT INTO tenants (id, slug, name, mode, time_zone, country, currency, clock_anchor_wall, clock_anchor, clock_rate, organization_id)
SELECT gen_random_uuid(), left(live.slug, 58) || '-test', live.name, 'TEST', live.time_zone, live.country, live.currency, 0, 0, 1, live.organization_id
FROM tenants AS live WHERE live.mode = 'LIVE' AND NOT EXISTS (SELECT 1 FROM tenants AS other WHERE other.slug = left(live.slug, 58) || '-test')
--
CREATE TABLE roles (
    organization_id UUID NOT NULL,
    id UUID NOT NULL,
    name VARCHAR NOT NULL,
    permissions JSONB DEFAULT '[]'::jsonb NOT NULL,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY(organization_id) REFERENCES organizations (id)
)
--
CREATE UNIQUE INDEX roles_name ON roles (organization_id, lower(name))
--
CREATE TABLE members (
    organization_id UUID NOT NULL,
    id UUID NOT NULL,
    email VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    role VARCHAR,
    role_id UUID,
    depot_ids UUID[],
    driver_ids UUID[],
    issuer VARCHAR,
    subject VARCHAR,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    last_seen_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (organization_id, id),
    CONSTRAINT members_status CHECK (status IN ('INVITED', 'ACTIVE', 'REMOVED')),
    CONSTRAINT members_role CHECK (role IN ('OWNER', 'ADMIN', 'DISPATCHER', 'VIEWER', 'DRIVER')),
    CONSTRAINT members_one_role CHECK ((role IS NULL) <> (role_id IS NULL)),
    FOREIGN KEY(organization_id) REFERENCES organizations (id),
    FOREIGN KEY(organization_id, role_id) REFERENCES roles (organization_id, id)
)
--
CREATE UNIQUE INDEX members_email ON members (organization_id, email) WHERE status <> 'REMOVED'
--
CREATE UNIQUE INDEX members_subject ON members (organization_id, issuer, subject) WHERE status <> 'REMOVED'
--
ALTER TABLE api_keys ADD COLUMN previous_hash BYTEA, ADD COLUMN previous_prefix VARCHAR, ADD COLUMN previous_until TIMESTAMP WITH TIME ZONE,
    ADD COLUMN depot_ids UUID[], ADD COLUMN version INTEGER DEFAULT 1 NOT NULL, ADD COLUMN updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL
--
CREATE INDEX api_keys_by_previous_hash ON api_keys (previous_hash) WHERE previous_hash IS NOT NULL
--
CREATE TABLE access_tokens (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    kind VARCHAR NOT NULL,
    hash BYTEA NOT NULL,
    prefix VARCHAR NOT NULL,
    key_id UUID,
    issued_by UUID,
    member_id UUID,
    scopes JSONB DEFAULT '[]'::jsonb NOT NULL,
    depot_ids UUID[],
    order_id UUID,
    driver_id UUID,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    revoked_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT access_tokens_kind CHECK (kind IN ('ACCESS', 'DRIVER')),
    CONSTRAINT access_tokens_issuer CHECK ((key_id IS NULL) <> (issued_by IS NULL)),
    CONSTRAINT access_tokens_driver CHECK ((kind = 'DRIVER') = (driver_id IS NOT NULL)),
    FOREIGN KEY(tenant_id, key_id) REFERENCES api_keys (tenant_id, id),
    FOREIGN KEY(tenant_id, order_id) REFERENCES orders (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY(tenant_id, driver_id) REFERENCES drivers (tenant_id, id) ON DELETE CASCADE
)
--
CREATE INDEX access_tokens_by_hash ON access_tokens (hash)
--
CREATE INDEX access_tokens_by_expiry ON access_tokens (expires_at)
--
ALTER TABLE "access_tokens" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "access_tokens" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "access_tokens" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "access_tokens" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "organizations" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "organizations" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "organizations" TO doorstep_app USING (id = (SELECT tenant.organization_id FROM tenants AS tenant WHERE tenant.id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))) WITH CHECK (id = (SELECT tenant.organization_id FROM tenants AS tenant WHERE tenant.id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)))
--
CREATE POLICY system ON "organizations" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "members" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "members" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "members" TO doorstep_app USING (organization_id = (SELECT tenant.organization_id FROM tenants AS tenant WHERE tenant.id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))) WITH CHECK (organization_id = (SELECT tenant.organization_id FROM tenants AS tenant WHERE tenant.id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)))
--
CREATE POLICY system ON "members" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "roles" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "roles" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "roles" TO doorstep_app USING (organization_id = (SELECT tenant.organization_id FROM tenants AS tenant WHERE tenant.id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))) WITH CHECK (organization_id = (SELECT tenant.organization_id FROM tenants AS tenant WHERE tenant.id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)))
--
CREATE POLICY system ON "roles" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
REVOKE INSERT, DELETE ON organizations FROM doorstep_app
--
REVOKE DELETE ON members FROM doorstep_app
--
GRANT UPDATE (name, time_zone, country, currency, locale, complete_without_arrival, version, updated_at) ON tenants TO doorstep_app
--
CREATE FUNCTION doorstep_driver_has_order(in_tenant uuid, in_order uuid, in_driver uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT EXISTS (
    SELECT 1 FROM public.assignments AS a JOIN public.routes AS r ON r.tenant_id = a.tenant_id AND r.id = a.route_id
    WHERE a.tenant_id = in_tenant AND a.tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid AND a.order_id = in_order AND r.driver_id = in_driver
      AND (r.status IN ('DISPATCHED', 'IN_PROGRESS') OR (r.status = 'COMPLETED' AND r.updated_at > now() - interval '1 day'))
  )
$$
--
CREATE FUNCTION doorstep_reaches_order(in_tenant uuid, in_id uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  depots uuid[] := NULLIF(current_setting('app.depot_ids', true), '')::uuid[];
  the_order uuid := NULLIF(current_setting('app.order_id', true), '')::uuid;
  the_driver uuid := NULLIF(current_setting('app.driver_id', true), '')::uuid;
BEGIN
  IF in_tenant IS DISTINCT FROM NULLIF(current_setting('app.tenant_id', true), '')::uuid THEN RETURN false; END IF;
  RETURN (the_order IS NULL OR in_id = the_order)
    AND (depots IS NULL OR EXISTS (SELECT 1 FROM public.orders AS o WHERE o.tenant_id = in_tenant AND o.id = in_id AND o.depot_id = ANY(depots)))
    AND (the_driver IS NULL OR public.doorstep_driver_has_order(in_tenant, in_id, the_driver));
END $$
--
CREATE FUNCTION doorstep_reaches_orders_of_route(in_tenant uuid, in_id uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  depots uuid[] := NULLIF(current_setting('app.depot_ids', true), '')::uuid[];
BEGIN
  IF in_tenant IS DISTINCT FROM NULLIF(current_setting('app.tenant_id', true), '')::uuid THEN RETURN false; END IF;
  RETURN depots IS NULL OR NOT (
    EXISTS (
      SELECT 1 FROM public.assignments AS a JOIN public.orders AS o ON o.tenant_id = a.tenant_id AND o.id = a.order_id
      WHERE a.tenant_id = in_tenant AND a.route_id = in_id AND a.active AND (o.depot_id = ANY(depots)) IS NOT TRUE
    ) OR EXISTS (
      SELECT 1 FROM public.stops AS s JOIN public.stop_orders AS so ON so.tenant_id = s.tenant_id AND so.stop_id = s.id
        JOIN public.orders AS o ON o.tenant_id = so.tenant_id AND o.id = so.order_id
      WHERE s.tenant_id = in_tenant AND s.route_id = in_id AND s.status <> 'CANCELLED' AND (o.depot_id = ANY(depots)) IS NOT TRUE
    )
  );
END $$
--
CREATE FUNCTION doorstep_reaches_route(in_tenant uuid, in_id uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  depots uuid[] := NULLIF(current_setting('app.depot_ids', true), '')::uuid[];
  the_order uuid := NULLIF(current_setting('app.order_id', true), '')::uuid;
  the_driver uuid := NULLIF(current_setting('app.driver_id', true), '')::uuid;
BEGIN
  IF in_tenant IS DISTINCT FROM NULLIF(current_setting('app.tenant_id', true), '')::uuid THEN RETURN false; END IF;
  RETURN the_order IS NULL AND EXISTS (
    SELECT 1 FROM public.routes AS r WHERE r.tenant_id = in_tenant AND r.id = in_id AND (depots IS NULL OR r.depot_id = ANY(depots))
      AND (the_driver IS NULL OR (r.driver_id = the_driver AND r.status IN ('DISPATCHED', 'IN_PROGRESS', 'COMPLETED')))
  ) AND public.doorstep_reaches_orders_of_route(in_tenant, in_id);
END $$
--
CREATE FUNCTION doorstep_reaches_stop(in_tenant uuid, in_id uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  depots uuid[] := NULLIF(current_setting('app.depot_ids', true), '')::uuid[];
  the_order uuid := NULLIF(current_setting('app.order_id', true), '')::uuid;
  the_driver uuid := NULLIF(current_setting('app.driver_id', true), '')::uuid;
BEGIN
  IF in_tenant IS DISTINCT FROM NULLIF(current_setting('app.tenant_id', true), '')::uuid THEN RETURN false; END IF;
  RETURN the_order IS NULL AND EXISTS (
    SELECT 1 FROM public.stops AS s WHERE s.tenant_id = in_tenant AND s.id = in_id AND public.doorstep_reaches_route(in_tenant, s.route_id)
  );
END $$
--
CREATE FUNCTION doorstep_reaches_plan(in_tenant uuid, in_id uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  depots uuid[] := NULLIF(current_setting('app.depot_ids', true), '')::uuid[];
  the_order uuid := NULLIF(current_setting('app.order_id', true), '')::uuid;
  the_driver uuid := NULLIF(current_setting('app.driver_id', true), '')::uuid;
BEGIN
  IF in_tenant IS DISTINCT FROM NULLIF(current_setting('app.tenant_id', true), '')::uuid THEN RETURN false; END IF;
  RETURN the_order IS NULL AND the_driver IS NULL AND NOT EXISTS (
    SELECT 1 FROM public.plan_shifts AS p JOIN public.shifts AS s ON s.tenant_id = p.tenant_id AND s.id = p.shift_id
    WHERE p.tenant_id = in_tenant AND p.plan_id = in_id AND s.depot_id <> ALL(depots)
  ) AND (depots IS NULL OR NOT EXISTS (
    SELECT 1 FROM public.plan_orders AS p JOIN public.orders AS o ON o.tenant_id = p.tenant_id AND o.id = p.order_id
    WHERE p.tenant_id = in_tenant AND p.plan_id = in_id AND (o.depot_id = ANY(depots)) IS NOT TRUE
  ));
END $$
--
CREATE FUNCTION doorstep_reaches_shift(in_tenant uuid, in_id uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  depots uuid[] := NULLIF(current_setting('app.depot_ids', true), '')::uuid[];
  the_order uuid := NULLIF(current_setting('app.order_id', true), '')::uuid;
  the_driver uuid := NULLIF(current_setting('app.driver_id', true), '')::uuid;
BEGIN
  IF in_tenant IS DISTINCT FROM NULLIF(current_setting('app.tenant_id', true), '')::uuid THEN RETURN false; END IF;
  RETURN the_order IS NULL AND EXISTS (
    SELECT 1 FROM public.shifts AS s WHERE s.tenant_id = in_tenant AND s.id = in_id
      AND (depots IS NULL OR s.depot_id = ANY(depots)) AND (the_driver IS NULL OR s.driver_id = the_driver)
  );
END $$
--
CREATE FUNCTION doorstep_reaches_depot(in_tenant uuid, in_id uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  depots uuid[] := NULLIF(current_setting('app.depot_ids', true), '')::uuid[];
  the_order uuid := NULLIF(current_setting('app.order_id', true), '')::uuid;
  the_driver uuid := NULLIF(current_setting('app.driver_id', true), '')::uuid;
BEGIN
  IF in_tenant IS DISTINCT FROM NULLIF(current_setting('app.tenant_id', true), '')::uuid THEN RETURN false; END IF;
  RETURN (depots IS NULL OR in_id = ANY(depots))
    AND (the_order IS NULL OR EXISTS (SELECT 1 FROM public.orders AS o WHERE o.tenant_id = in_tenant AND o.id = the_order AND o.depot_id = in_id))
    AND (the_driver IS NULL OR EXISTS (SELECT 1 FROM public.routes AS r WHERE r.tenant_id = in_tenant AND r.driver_id = the_driver AND r.depot_id = in_id));
END $$
--
CREATE FUNCTION doorstep_reaches_vehicle(in_tenant uuid, in_id uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  depots uuid[] := NULLIF(current_setting('app.depot_ids', true), '')::uuid[];
  the_order uuid := NULLIF(current_setting('app.order_id', true), '')::uuid;
  the_driver uuid := NULLIF(current_setting('app.driver_id', true), '')::uuid;
BEGIN
  IF in_tenant IS DISTINCT FROM NULLIF(current_setting('app.tenant_id', true), '')::uuid THEN RETURN false; END IF;
  RETURN the_order IS NULL AND (
    (the_driver IS NULL AND EXISTS (SELECT 1 FROM public.vehicles AS v WHERE v.tenant_id = in_tenant AND v.id = in_id AND v.depot_id = ANY(depots)))
    OR EXISTS (SELECT 1 FROM public.shifts AS s WHERE s.tenant_id = in_tenant AND s.vehicle_id = in_id
      AND (depots IS NULL OR s.depot_id = ANY(depots)) AND (the_driver IS NULL OR s.driver_id = the_driver))
  );
END $$
--
CREATE FUNCTION doorstep_reaches_driver(in_tenant uuid, in_id uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  depots uuid[] := NULLIF(current_setting('app.depot_ids', true), '')::uuid[];
  the_order uuid := NULLIF(current_setting('app.order_id', true), '')::uuid;
  the_driver uuid := NULLIF(current_setting('app.driver_id', true), '')::uuid;
BEGIN
  IF in_tenant IS DISTINCT FROM NULLIF(current_setting('app.tenant_id', true), '')::uuid THEN RETURN false; END IF;
  RETURN the_order IS NULL AND (the_driver IS NULL OR in_id = the_driver) AND (depots IS NULL OR EXISTS (
    SELECT 1 FROM public.shifts AS s WHERE s.tenant_id = in_tenant AND s.driver_id = in_id AND s.depot_id = ANY(depots)
  ));
END $$
--
CREATE FUNCTION doorstep_reaches_event(in_tenant uuid, in_order uuid, in_route uuid, in_plan uuid, in_data jsonb) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  depots uuid[] := NULLIF(current_setting('app.depot_ids', true), '')::uuid[];
  the_order uuid := NULLIF(current_setting('app.order_id', true), '')::uuid;
  the_driver uuid := NULLIF(current_setting('app.driver_id', true), '')::uuid;
BEGIN
  IF in_tenant IS DISTINCT FROM NULLIF(current_setting('app.tenant_id', true), '')::uuid THEN RETURN false; END IF;
  RETURN CASE
    WHEN in_order IS NOT NULL THEN public.doorstep_reaches_order(in_tenant, in_order)
    WHEN in_route IS NOT NULL THEN public.doorstep_reaches_route(in_tenant, in_route)
    WHEN in_plan IS NOT NULL THEN public.doorstep_reaches_plan(in_tenant, in_plan)
    WHEN in_data ? 'shift_id' THEN public.doorstep_reaches_shift(in_tenant, (in_data ->> 'shift_id')::uuid)
    WHEN in_data ? 'depot_id' THEN public.doorstep_reaches_depot(in_tenant, (in_data ->> 'depot_id')::uuid)
    WHEN in_data ? 'vehicle_id' THEN public.doorstep_reaches_vehicle(in_tenant, (in_data ->> 'vehicle_id')::uuid)
    WHEN in_data ? 'driver_id' THEN public.doorstep_reaches_driver(in_tenant, (in_data ->> 'driver_id')::uuid)
    ELSE false
  END;
END $$
--
CREATE FUNCTION doorstep_shift_out_of_reach(
  in_tenant uuid, in_driver uuid, in_vehicle uuid, in_depot uuid, in_start timestamptz, in_end timestamptz, in_itself uuid
) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT EXISTS (
    SELECT 1 FROM public.shifts AS s
    WHERE s.tenant_id = in_tenant AND s.tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid
      AND (s.driver_id = in_driver OR s.vehicle_id = in_vehicle OR s.depot_id = in_depot) AND s.archived_at IS NULL
      AND s.starts_at < coalesce(in_end, 'infinity') AND s.ends_at > in_start AND s.id IS DISTINCT FROM in_itself
      AND NOT public.doorstep_reaches_shift(s.tenant_id, s.id)
  )
$$
--
CREATE FUNCTION doorstep_assignment_out_of_reach(in_tenant uuid, in_order uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT EXISTS (
    SELECT 1 FROM public.assignments AS a
    WHERE a.tenant_id = in_tenant AND a.tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid
      AND a.order_id = in_order AND a.active AND NOT public.doorstep_reaches_route(a.tenant_id, a.route_id)
  )
$$
--
CREATE FUNCTION doorstep_route_out_of_reach(in_tenant uuid, in_shift uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT EXISTS (
    SELECT 1 FROM public.routes AS r
    WHERE r.tenant_id = in_tenant AND r.tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid
      AND r.shift_id = in_shift AND r.status IN ('COMMITTED', 'DISPATCHED', 'IN_PROGRESS')
      AND NOT public.doorstep_reaches_route(r.tenant_id, r.id)
  )
$$
--
CREATE POLICY reach ON "depots" AS RESTRICTIVE TO doorstep_app USING ((SELECT coalesce(current_setting('app.limited', true), '') = '') OR doorstep_reaches_depot(tenant_id, id)) WITH CHECK ((SELECT coalesce(current_setting('app.limited', true), '') = '') OR ((SELECT NULLIF(current_setting('app.order_id', true), '')::uuid) IS NULL AND (SELECT NULLIF(current_setting('app.driver_id', true), '')::uuid) IS NULL AND doorstep_reaches_depot(tenant_id, id)))
--
CREATE POLICY reach ON "orders" AS RESTRICTIVE TO doorstep_app USING ((SELECT coalesce(current_setting('app.limited', true), '') = '') OR ((((SELECT NULLIF(current_setting('app.depot_ids', true), ''))::uuid[]) IS NULL OR depot_id = ANY(((SELECT NULLIF(current_setting('app.depot_ids', true), ''))::uuid[]))) AND ((SELECT NULLIF(current_setting('app.order_id', true), '')::uuid) IS NULL OR id = (SELECT NULLIF(current_setting('app.order_id', true), '')::uuid)) AND ((SELECT NULLIF(current_setting('app.driver_id', true), '')::uuid) IS NULL OR doorstep_driver_has_order(tenant_id, id, (SELECT NULLIF(current_setting('app.driver_id', true), '')::uuid)))))
--
CREATE POLICY reach ON "order_waypoints" AS RESTRICTIVE TO doorstep_app USING ((SELECT coalesce(current_setting('app.limited', true), '') = '') OR doorstep_reaches_order(tenant_id, order_id))
--
CREATE POLICY reach ON "packages" AS RESTRICTIVE TO doorstep_app USING ((SELECT coalesce(current_setting('app.limited', true), '') = '') OR doorstep_reaches_order(tenant_id, order_id))
--
CREATE POLICY reach ON "attempts" AS RESTRICTIVE TO doorstep_app USING ((SELECT coalesce(current_setting('app.limited', true), '') = '') OR doorstep_reaches_order(tenant_id, order_id))
--
CREATE POLICY reach ON "proofs" AS RESTRICTIVE TO doorstep_app USING ((SELECT coalesce(current_setting('app.limited', true), '') = '') OR doorstep_reaches_order(tenant_id, order_id))
--
CREATE POLICY reach ON "plan_orders" AS RESTRICTIVE TO doorstep_app USING ((SELECT coalesce(current_setting('app.limited', true), '') = '') OR (doorstep_reaches_plan(tenant_id, plan_id) AND doorstep_reaches_order(tenant_id, order_id)))
--
CREATE POLICY reach ON "plan_shifts" AS RESTRICTIVE TO doorstep_app USING ((SELECT coalesce(current_setting('app.limited', true), '') = '') OR (doorstep_reaches_plan(tenant_id, plan_id) AND doorstep_reaches_shift(tenant_id, shift_id)))
--
CREATE POLICY reach ON "plans" AS RESTRICTIVE TO doorstep_app USING ((SELECT coalesce(current_setting('app.limited', true), '') = '') OR doorstep_reaches_plan(tenant_id, id))
--
CREATE POLICY reach ON "stop_orders" AS RESTRICTIVE TO doorstep_app USING ((SELECT coalesce(current_setting('app.limited', true), '') = '') OR (doorstep_reaches_stop(tenant_id, stop_id) AND doorstep_reaches_order(tenant_id, order_id)))
--
CREATE POLICY reach ON "assignments" AS RESTRICTIVE TO doorstep_app USING ((SELECT coalesce(current_setting('app.limited', true), '') = '') OR (doorstep_reaches_route(tenant_id, route_id) AND doorstep_reaches_order(tenant_id, order_id)))
--
CREATE POLICY reach ON "routes" AS RESTRICTIVE TO doorstep_app USING ((SELECT coalesce(current_setting('app.limited', true), '') = '') OR ((SELECT NULLIF(current_setting('app.order_id', true), '')::uuid) IS NULL AND (((SELECT NULLIF(current_setting('app.depot_ids', true), ''))::uuid[]) IS NULL OR (depot_id = ANY(((SELECT NULLIF(current_setting('app.depot_ids', true), ''))::uuid[])) AND doorstep_reaches_orders_of_route(tenant_id, id))) AND ((SELECT NULLIF(current_setting('app.driver_id', true), '')::uuid) IS NULL OR (driver_id = (SELECT NULLIF(current_setting('app.driver_id', true), '')::uuid) AND status IN ('DISPATCHED', 'IN_PROGRESS', 'COMPLETED')))))
--
CREATE POLICY reach ON "stops" AS RESTRICTIVE TO doorstep_app USING ((SELECT coalesce(current_setting('app.limited', true), '') = '') OR doorstep_reaches_route(tenant_id, route_id))
--
CREATE POLICY reach ON "stop_acts" AS RESTRICTIVE TO doorstep_app USING ((SELECT coalesce(current_setting('app.limited', true), '') = '') OR doorstep_reaches_stop(tenant_id, stop_id))
--
CREATE POLICY reach ON "shifts" AS RESTRICTIVE TO doorstep_app USING ((SELECT coalesce(current_setting('app.limited', true), '') = '') OR ((SELECT NULLIF(current_setting('app.order_id', true), '')::uuid) IS NULL AND (((SELECT NULLIF(current_setting('app.depot_ids', true), ''))::uuid[]) IS NULL OR depot_id = ANY(((SELECT NULLIF(current_setting('app.depot_ids', true), ''))::uuid[]))) AND ((SELECT NULLIF(current_setting('app.driver_id', true), '')::uuid) IS NULL OR driver_id = (SELECT NULLIF(current_setting('app.driver_id', true), '')::uuid)))) WITH CHECK ((SELECT coalesce(current_setting('app.limited', true), '') = '') OR ((SELECT NULLIF(current_setting('app.order_id', true), '')::uuid) IS NULL AND (SELECT NULLIF(current_setting('app.driver_id', true), '')::uuid) IS NULL AND (((SELECT NULLIF(current_setting('app.depot_ids', true), ''))::uuid[]) IS NULL OR depot_id = ANY(((SELECT NULLIF(current_setting('app.depot_ids', true), ''))::uuid[])))))
--
CREATE POLICY reach ON "vehicles" AS RESTRICTIVE TO doorstep_app USING ((SELECT coalesce(current_setting('app.limited', true), '') = '') OR doorstep_reaches_vehicle(tenant_id, id)) WITH CHECK ((SELECT coalesce(current_setting('app.limited', true), '') = '') OR ((SELECT NULLIF(current_setting('app.order_id', true), '')::uuid) IS NULL AND (SELECT NULLIF(current_setting('app.driver_id', true), '')::uuid) IS NULL AND depot_id = ANY(((SELECT NULLIF(current_setting('app.depot_ids', true), ''))::uuid[]))))
--
CREATE POLICY reach ON "vehicle_positions" AS RESTRICTIVE TO doorstep_app USING ((SELECT coalesce(current_setting('app.limited', true), '') = '') OR doorstep_reaches_vehicle(tenant_id, vehicle_id))
--
CREATE POLICY reach ON "drivers" AS RESTRICTIVE TO doorstep_app USING ((SELECT coalesce(current_setting('app.limited', true), '') = '') OR doorstep_reaches_driver(tenant_id, id)) WITH CHECK ((SELECT coalesce(current_setting('app.limited', true), '') = '') OR ((SELECT NULLIF(current_setting('app.order_id', true), '')::uuid) IS NULL AND (SELECT NULLIF(current_setting('app.driver_id', true), '')::uuid) IS NULL AND doorstep_reaches_driver(tenant_id, id)))
--
CREATE POLICY reach ON "access_tokens" AS RESTRICTIVE TO doorstep_app USING ((SELECT coalesce(current_setting('app.limited', true), '') = '') OR (((SELECT NULLIF(current_setting('app.depot_ids', true), ''))::uuid[]) IS NULL OR depot_ids <@ ((SELECT NULLIF(current_setting('app.depot_ids', true), ''))::uuid[])))
--
CREATE POLICY reach ON "events" AS RESTRICTIVE FOR SELECT TO doorstep_app USING ((SELECT coalesce(current_setting('app.limited', true), '') = '') OR doorstep_reaches_event(tenant_id, order_id, route_id, plan_id, data))
--
DROP FUNCTION doorstep_authenticate(bytea)
--
CREATE FUNCTION doorstep_authenticate(secret_hash bytea)
RETURNS TABLE (tenant_id uuid, kind text, id uuid, scopes jsonb, depot_ids uuid[], order_id uuid, driver_id uuid, expires_at timestamptz,
               key_scopes jsonb, key_depot_ids uuid[], member_id uuid, member_role text, member_permissions jsonb, member_depot_ids uuid[],
               issuer_role text, issuer_permissions jsonb, issuer_depot_ids uuid[],
               time_zone text, country text, clock_anchor_wall float8, clock_anchor float8, clock_rate float8)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH found_key AS (
    SELECT key.* FROM public.api_keys AS key
    WHERE key.hash = secret_hash AND key.revoked_at IS NULL AND (key.expires_at IS NULL OR key.expires_at > now())
    UNION ALL
    SELECT key.* FROM public.api_keys AS key
    WHERE key.previous_hash = secret_hash AND key.previous_until > now() AND key.revoked_at IS NULL AND (key.expires_at IS NULL OR key.expires_at > now())
  ), used AS (
    UPDATE public.api_keys AS key SET last_used_at = now() FROM found_key
    WHERE key.tenant_id = found_key.tenant_id AND key.id = found_key.id
      AND (found_key.last_used_at IS NULL OR found_key.last_used_at < now() - interval '1 minute')
  ), found AS (
    SELECT found_key.tenant_id, 'KEY'::text AS kind, found_key.id, found_key.scopes, found_key.depot_ids, NULL::uuid AS order_id, NULL::uuid AS driver_id,
           found_key.expires_at, NULL::uuid AS key_id, NULL::uuid AS member_id, NULL::uuid AS issued_by
    FROM found_key
    UNION ALL
    SELECT token.tenant_id, token.kind::text, token.id, token.scopes, token.depot_ids, token.order_id, token.driver_id, token.expires_at,
           token.key_id, token.member_id, token.issued_by
    FROM public.access_tokens AS token WHERE token.hash = secret_hash AND token.revoked_at IS NULL AND token.expires_at > now()
  )
  SELECT found.tenant_id, found.kind, found.id, found.scopes, found.depot_ids, found.order_id, found.driver_id, found.expires_at,
         key.scopes, key.depot_ids, member.id, member.role::text, member_roles.permissions, member.depot_ids,
         issuer.role::text, issuer_roles.permissions, issuer.depot_ids,
         tenant.time_zone::text, tenant.country::text, tenant.clock_anchor_wall, tenant.clock_anchor, tenant.clock_rate
  FROM found JOIN public.tenants AS tenant ON tenant.id = found.tenant_id
  LEFT JOIN public.api_keys AS key ON key.tenant_id = found.tenant_id AND key.id = found.key_id
    AND key.revoked_at IS NULL AND (key.expires_at IS NULL OR key.expires_at > now())
  LEFT JOIN public.members AS member
    ON member.organization_id = tenant.organization_id AND member.id = found.member_id AND member.status <> 'REMOVED'
  LEFT JOIN public.roles AS member_roles ON member_roles.organization_id = member.organization_id AND member_roles.id = member.role_id
  LEFT JOIN public.members AS issuer
    ON issuer.organization_id = tenant.organization_id AND issuer.id = found.issued_by AND issuer.status <> 'REMOVED'
  LEFT JOIN public.roles AS issuer_roles ON issuer_roles.organization_id = issuer.organization_id AND issuer_roles.id = issuer.role_id
  WHERE (found.key_id IS NULL OR key.id IS NOT NULL) AND (found.member_id IS NULL OR member.id IS NOT NULL)
    AND (found.issued_by IS NULL OR issuer.id IS NOT NULL);
END $$
--
CREATE FUNCTION doorstep_sign_in(in_tenant uuid, in_issuer text, in_subject text, verified_email text)
RETURNS TABLE (member_id uuid, role text, permissions jsonb, depot_ids uuid[], driver_id uuid,
               time_zone text, country text, clock_anchor_wall float8, clock_anchor float8, clock_rate float8)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
#variable_conflict use_column
DECLARE
  org uuid := (SELECT tenant.organization_id FROM public.tenants AS tenant WHERE tenant.id = in_tenant);
BEGIN
  IF NULLIF(current_setting('app.tenant_id', true), '') IS NOT NULL THEN RETURN; END IF;
  UPDATE public.members AS member SET issuer = in_issuer, subject = in_subject, status = 'ACTIVE', version = version + 1, updated_at = now()
  WHERE member.organization_id = org AND member.status = 'INVITED' AND member.email = lower(verified_email)
    AND EXISTS (SELECT 1 FROM public.tenants AS tenant WHERE tenant.id = in_tenant AND tenant.mode = 'LIVE')
    AND NOT EXISTS (SELECT 1 FROM public.members AS other WHERE other.organization_id = org AND other.issuer = in_issuer
                    AND other.subject = in_subject AND other.status <> 'REMOVED');
  UPDATE public.members AS member SET last_seen_at = now()
  WHERE member.organization_id = org AND member.issuer = in_issuer AND member.subject = in_subject AND member.status = 'ACTIVE'
    AND (member.last_seen_at IS NULL OR member.last_seen_at < now() - interval '1 minute');
  RETURN QUERY
  SELECT member.id, member.role::text, role.permissions, member.depot_ids,
         (SELECT driver.id FROM public.drivers AS driver WHERE driver.tenant_id = in_tenant AND driver.id = ANY(member.driver_ids) LIMIT 1),
         tenant.time_zone::text, tenant.country::text, tenant.clock_anchor_wall, tenant.clock_anchor, tenant.clock_rate
  FROM public.members AS member JOIN public.tenants AS tenant ON tenant.id = in_tenant
  LEFT JOIN public.roles AS role ON role.organization_id = member.organization_id AND role.id = member.role_id
  WHERE member.organization_id = org AND member.issuer = in_issuer AND member.subject = in_subject AND member.status = 'ACTIVE';
END $$
