-- The operator's: suspended tenants, quotas, usage by day, receipts of closed tenants.
-- Frozen: what comes later is a revision of its own. Statements are separated by lines of two dashes.
--
ALTER TABLE tenants
    ADD COLUMN status VARCHAR DEFAULT 'ACTIVE' NOT NULL,
    ADD COLUMN suspended_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN suspended_reason VARCHAR,
    ADD COLUMN quota_orders_per_day BIGINT,
    ADD COLUMN quota_solver_seconds_per_day BIGINT,
    ADD COLUMN quota_sockets INTEGER,
    ADD COLUMN quota_storage_bytes BIGINT,
    ADD CONSTRAINT tenants_status CHECK (status IN ('ACTIVE', 'SUSPENDED', 'CLOSING')),
    ADD CONSTRAINT tenants_suspended CHECK ((status = 'ACTIVE') = (suspended_at IS NULL))
--
CREATE TABLE usage_days (
    tenant_id UUID NOT NULL,
    day DATE NOT NULL,
    orders BIGINT DEFAULT 0 NOT NULL,
    solver_seconds FLOAT DEFAULT 0 NOT NULL,
    storage_bytes BIGINT,
    storage_measured_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (tenant_id, day)
)
--
CREATE TABLE closures (
    id UUID NOT NULL,
    slug_hash BYTEA NOT NULL,
    exported_at TIMESTAMP WITH TIME ZONE NOT NULL,
    export_sha256 VARCHAR NOT NULL,
    export_bytes BIGINT NOT NULL,
    exported JSONB DEFAULT '{}'::jsonb NOT NULL,
    erased JSONB DEFAULT '{}'::jsonb NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id)
)
--
CREATE INDEX closures_by_slug_hash ON closures (slug_hash)
--
REVOKE ALL ON closures FROM doorstep_app
--
ALTER TABLE "usage_days" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "usage_days" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "usage_days" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "usage_days" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
REVOKE DELETE ON usage_days FROM doorstep_app
--
CREATE FUNCTION doorstep_standing(in_tenant uuid) RETURNS TABLE (suspended boolean, most_sockets integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT tenant.status <> 'ACTIVE', tenant.quota_sockets FROM public.tenants AS tenant WHERE tenant.id = in_tenant
$$
