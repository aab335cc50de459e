-- Public tracking: the link by which a recipient follows one order, and what is shown of the vehicle that brings it.
-- Frozen: what comes later is a revision of its own. Statements are separated by lines of two dashes.
--
CREATE TABLE tracking_links (
    tenant_id UUID NOT NULL,
    order_id UUID NOT NULL,
    generation INTEGER NOT NULL,
    hash BYTEA,
    PRIMARY KEY (tenant_id, order_id),
    FOREIGN KEY(tenant_id, order_id) REFERENCES orders (tenant_id, id) ON DELETE CASCADE
)
--
CREATE INDEX tracking_links_by_hash ON tracking_links (hash)
--
ALTER TABLE "tracking_links" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "tracking_links" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "tracking_links" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "tracking_links" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
CREATE POLICY reach ON "tracking_links" AS RESTRICTIVE TO doorstep_app USING ((SELECT coalesce(current_setting('app.limited', true), '') = '') OR doorstep_reaches_order(tenant_id, order_id))
--
CREATE FUNCTION doorstep_recipient(secret_hash bytea)
RETURNS TABLE (tenant_id uuid, order_id uuid, expires_at timestamptz, time_zone text, country text,
               clock_anchor_wall float8, clock_anchor float8, clock_rate float8)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT link.tenant_id, link.order_id, ended.at + interval '48 hours', tenant.time_zone::text, tenant.country::text,
         tenant.clock_anchor_wall, tenant.clock_anchor, tenant.clock_rate
  FROM public.tracking_links AS link
  JOIN public.orders AS o ON o.tenant_id = link.tenant_id AND o.id = link.order_id
  JOIN public.tenants AS tenant ON tenant.id = link.tenant_id
  CROSS JOIN LATERAL (
    SELECT CASE WHEN o.status IN ('DELIVERED', 'PARTIALLY_DELIVERED', 'RETURNED', 'LOST', 'CANCELLED') THEN coalesce(
      (SELECT max(e.recorded_at) FROM public.events AS e WHERE e.tenant_id = o.tenant_id AND e.order_id = o.id AND e.type = 'OrderStatusChanged'),
      o.updated_at
    ) END AS at
  ) AS ended
  WHERE link.hash = secret_hash AND o.erased_at IS NULL AND (ended.at IS NULL OR ended.at + interval '48 hours' > now())
    AND coalesce(NULLIF(current_setting('app.tenant_id', true), '')::uuid, link.tenant_id) = link.tenant_id
$$
--
CREATE FUNCTION doorstep_way_to_recipient()
RETURNS TABLE (network text, latitude float8, longitude float8, occurred_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT r.network::text, place.latitude, place.longitude, place.occurred_at
  FROM public.assignments AS a
  JOIN public.routes AS r ON r.tenant_id = a.tenant_id AND r.id = a.route_id
  JOIN public.orders AS o ON o.tenant_id = a.tenant_id AND o.id = a.order_id
  LEFT JOIN LATERAL (
    SELECT s.id, s.kind FROM public.stops AS s
    WHERE s.tenant_id = r.tenant_id AND s.route_id = r.id AND s.status IN ('PENDING', 'EN_ROUTE', 'ARRIVED')
    ORDER BY s.status = 'PENDING', s.sequence, s.id LIMIT 1
  ) AS next ON r.status = 'IN_PROGRESS' AND o.status IN ('PICKED_UP', 'EN_ROUTE_TO_DROPOFF')
  LEFT JOIN public.vehicle_positions AS place ON place.tenant_id = r.tenant_id AND place.vehicle_id = r.vehicle_id AND next.kind = 'DROPOFF'
    AND EXISTS (SELECT 1 FROM public.stop_orders AS so WHERE so.tenant_id = r.tenant_id AND so.stop_id = next.id AND so.order_id = o.id)
    AND place.occurred_at >= ALL (
      SELECT greatest(s.departed_at, s.arrived_at, s.closed_at) FROM public.stops AS s
      WHERE s.tenant_id = r.tenant_id AND s.route_id = r.id AND greatest(s.departed_at, s.arrived_at, s.closed_at) IS NOT NULL
    )
  WHERE a.tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid
    AND a.order_id = NULLIF(current_setting('app.order_id', true), '')::uuid AND a.active
$$
