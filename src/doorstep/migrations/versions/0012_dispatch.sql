-- On-demand dispatch: how far the goods of an order are, what the tenant allows its dispatcher, and offers to drivers.
-- Frozen: what comes later is a revision of its own. Statements are separated by lines of two dashes.
--
ALTER TABLE orders
    ADD COLUMN readiness VARCHAR DEFAULT 'READY' NOT NULL,
    ADD COLUMN ready_at TIMESTAMP WITH TIME ZONE,
    ADD CONSTRAINT orders_readiness CHECK (readiness IN ('NOT_READY', 'PREPARING', 'READY')),
    ADD CONSTRAINT orders_ready_at CHECK (readiness <> 'READY' OR ready_at IS NULL)
--
ALTER TABLE tenants
    ADD COLUMN dispatch_enabled BOOLEAN DEFAULT false NOT NULL,
    ADD COLUMN dispatch_offer_seconds INTEGER DEFAULT 0 NOT NULL,
    ADD COLUMN dispatch_most_orders INTEGER DEFAULT 3 NOT NULL,
    ADD CONSTRAINT tenants_dispatch_offer_seconds CHECK (dispatch_offer_seconds BETWEEN 0 AND 600),
    ADD CONSTRAINT tenants_dispatch_most_orders CHECK (dispatch_most_orders BETWEEN 1 AND 50)
--
GRANT UPDATE (dispatch_enabled, dispatch_offer_seconds, dispatch_most_orders) ON tenants TO doorstep_app
--
CREATE TABLE dispatch_offers (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    order_id UUID NOT NULL,
    shift_id UUID NOT NULL,
    driver_id UUID NOT NULL,
    state VARCHAR NOT NULL,
    arrives_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    answered_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT dispatch_offers_state CHECK (state IN ('OFFERED', 'ACCEPTED', 'ASSIGNED', 'DECLINED', 'EXPIRED', 'WITHDRAWN')),
    FOREIGN KEY(tenant_id, order_id) REFERENCES orders (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY(tenant_id, shift_id) REFERENCES shifts (tenant_id, id),
    FOREIGN KEY(tenant_id, driver_id) REFERENCES drivers (tenant_id, id)
)
--
CREATE UNIQUE INDEX dispatch_offers_live ON dispatch_offers (tenant_id, order_id) WHERE state IN ('OFFERED', 'ACCEPTED')
--
CREATE INDEX dispatch_offers_by_driver ON dispatch_offers (tenant_id, driver_id, id)
--
CREATE INDEX dispatch_offers_by_order ON dispatch_offers (tenant_id, order_id)
--
ALTER TABLE "dispatch_offers" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "dispatch_offers" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "dispatch_offers" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "dispatch_offers" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
CREATE POLICY reach ON "dispatch_offers" AS RESTRICTIVE TO doorstep_app USING ((SELECT coalesce(current_setting('app.limited', true), '') = '') OR CASE WHEN (SELECT NULLIF(current_setting('app.driver_id', true), '')::uuid) IS NOT NULL THEN driver_id = (SELECT NULLIF(current_setting('app.driver_id', true), '')::uuid) ELSE doorstep_reaches_order(tenant_id, order_id) END)
--
CREATE OR REPLACE FUNCTION doorstep_driver_has_order(in_tenant uuid, in_order uuid, in_driver uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT EXISTS (
    SELECT 1 FROM public.assignments AS a JOIN public.routes AS r ON r.tenant_id = a.tenant_id AND r.id = a.route_id
    WHERE a.tenant_id = in_tenant AND a.tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid AND a.order_id = in_order AND r.driver_id = in_driver
      AND (r.status IN ('DISPATCHED', 'IN_PROGRESS') OR (r.status = 'COMPLETED' AND r.updated_at > now() - interval '1 day'))
  ) OR EXISTS (
    SELECT 1 FROM public.dispatch_offers AS f
    WHERE f.tenant_id = in_tenant AND f.tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid AND f.order_id = in_order AND f.driver_id = in_driver
      AND f.state IN ('OFFERED', 'ACCEPTED')
  )
$$
