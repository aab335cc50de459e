-- The sandbox: simulations, the robots that drive them, whether the carrier of one's own offer is a sandbox too, and the one way in which a
-- request sets its TEST tenant's clock.
-- Frozen: what comes later is a revision of its own. Statements are separated by lines of two dashes.
--
CREATE TABLE robots (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    number INTEGER NOT NULL,
    driver_id UUID NOT NULL,
    vehicle_id UUID NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY(tenant_id, driver_id) REFERENCES drivers (tenant_id, id),
    FOREIGN KEY(tenant_id, vehicle_id) REFERENCES vehicles (tenant_id, id)
)
--
CREATE UNIQUE INDEX robots_number ON robots (tenant_id, number)
--
CREATE TABLE simulations (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    route_id UUID,
    tender_id UUID,
    order_id UUID,
    job_id UUID NOT NULL,
    status VARCHAR NOT NULL,
    endings JSONB DEFAULT '{}'::jsonb NOT NULL,
    seconds_per_step INTEGER,
    steps INTEGER NOT NULL,
    positions INTEGER NOT NULL,
    played_to TIMESTAMP WITH TIME ZONE NOT NULL,
    next_act_at TIMESTAMP WITH TIME ZONE,
    last_error VARCHAR,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT simulations_status CHECK (status IN ('RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
    CONSTRAINT simulations_subject CHECK (num_nonnulls(route_id, tender_id) = 1),
    FOREIGN KEY(tenant_id, route_id) REFERENCES routes (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY(tenant_id, tender_id) REFERENCES tenders (merchant_id, id) ON DELETE CASCADE,
    FOREIGN KEY(tenant_id, order_id) REFERENCES orders (tenant_id, id) ON DELETE CASCADE
)
--
CREATE UNIQUE INDEX simulations_running ON simulations (tenant_id, route_id) WHERE status = 'RUNNING'
--
CREATE UNIQUE INDEX simulations_answering ON simulations (tenant_id, tender_id) WHERE status = 'RUNNING'
--
CREATE INDEX simulations_by_order ON simulations (tenant_id, order_id)
--
ALTER TABLE "robots" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "robots" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "robots" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "robots" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
CREATE POLICY reach ON "robots" AS RESTRICTIVE TO doorstep_app USING ((SELECT coalesce(current_setting('app.limited', true), '') = ''))
--
ALTER TABLE "simulations" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "simulations" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "simulations" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "simulations" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
CREATE POLICY reach ON "simulations" AS RESTRICTIVE TO doorstep_app USING ((SELECT coalesce(current_setting('app.limited', true), '') = ''))
--
REVOKE DELETE ON robots, simulations FROM doorstep_app
--
CREATE FUNCTION doorstep_carrier_is_sandbox(in_tender uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT coalesce((
    SELECT carrier.mode = 'TEST' FROM public.tenders AS tender JOIN public.tenants AS carrier ON carrier.id = tender.carrier_id
    WHERE tender.id = in_tender AND tender.merchant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid
  ), false)
$$
--
CREATE FUNCTION doorstep_set_sandbox_clock(in_at timestamptz, in_rate float8)
RETURNS TABLE (is_set boolean, clock_anchor_wall float8, clock_anchor float8, clock_rate float8)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  mine public.tenants%ROWTYPE;
  wall float8;
  present float8;
  wanted float8;
BEGIN
  SELECT tenant.* INTO mine FROM public.tenants AS tenant
  WHERE tenant.id = NULLIF(current_setting('app.tenant_id', true), '')::uuid AND tenant.mode = 'TEST' FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  wall := extract(epoch FROM clock_timestamp());
  present := mine.clock_anchor + (wall - mine.clock_anchor_wall) * mine.clock_rate;
  wanted := coalesce(extract(epoch FROM in_at)::float8, present);
  IF wanted < present OR coalesce(in_rate, 1) NOT BETWEEN 1 AND 1000 THEN
    RETURN QUERY SELECT false, mine.clock_anchor_wall, mine.clock_anchor, mine.clock_rate;
    RETURN;
  END IF;
  UPDATE public.tenants AS tenant SET clock_anchor_wall = wall, clock_anchor = wanted, clock_rate = coalesce(in_rate, mine.clock_rate)
  WHERE tenant.id = mine.id;
  RETURN QUERY SELECT true, wall, wanted, coalesce(in_rate, mine.clock_rate);
END $$
