-- Privacy: the audit log, erasures, retention.
-- Frozen: what comes later is a revision of its own. Statements are separated by lines of two dashes.
--
CREATE TABLE audit_entries (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    actor_kind VARCHAR NOT NULL,
    actor_id UUID,
    member_id UUID,
    address VARCHAR,
    request_id VARCHAR NOT NULL,
    operation VARCHAR NOT NULL,
    changes JSONB DEFAULT '{}'::jsonb NOT NULL,
    PRIMARY KEY (tenant_id, id)
)
--
CREATE INDEX audit_entries_by_time ON audit_entries (tenant_id, at, id)
--
CREATE TABLE audit_subjects (
    tenant_id UUID NOT NULL,
    entry_id UUID NOT NULL,
    subject_id UUID NOT NULL,
    kind VARCHAR NOT NULL,
    PRIMARY KEY (tenant_id, entry_id, subject_id),
    FOREIGN KEY(tenant_id, entry_id) REFERENCES audit_entries (tenant_id, id) ON DELETE CASCADE
)
--
CREATE INDEX audit_subjects_by_subject ON audit_subjects (tenant_id, subject_id, entry_id)
--
CREATE TABLE erasures (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    actor_kind VARCHAR NOT NULL,
    actor_id UUID,
    cause VARCHAR NOT NULL,
    request_hash BYTEA,
    order_ids JSONB DEFAULT '[]'::jsonb NOT NULL,
    counts JSONB DEFAULT '{}'::jsonb NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT erasures_cause CHECK (cause IN ('REQUEST', 'RETENTION', 'PARTNER'))
)
--
CREATE INDEX erasures_by_time ON erasures (tenant_id, at, id)
--
CREATE TABLE retention_settings (
    tenant_id UUID NOT NULL,
    version INTEGER NOT NULL,
    positions_days INTEGER,
    personal_data_days INTEGER,
    events_months INTEGER,
    audit_days INTEGER,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (tenant_id),
    CONSTRAINT retention_settings_positions_days CHECK (positions_days BETWEEN 1 AND 3650),
    CONSTRAINT retention_settings_personal_data_days CHECK (personal_data_days BETWEEN 7 AND 3650),
    CONSTRAINT retention_settings_events_months CHECK (events_months BETWEEN 1 AND 120),
    CONSTRAINT retention_settings_audit_days CHECK (audit_days BETWEEN 30 AND 3650)
)
--
ALTER TABLE "audit_entries" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "audit_entries" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "audit_entries" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "audit_entries" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "audit_subjects" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "audit_subjects" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "audit_subjects" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "audit_subjects" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "erasures" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "erasures" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "erasures" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "erasures" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "retention_settings" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "retention_settings" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "retention_settings" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "retention_settings" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
REVOKE UPDATE, DELETE ON audit_entries, audit_subjects, erasures FROM doorstep_app
--
GRANT UPDATE (changes) ON audit_entries TO doorstep_app
--
ALTER TABLE orders ADD COLUMN erased_at TIMESTAMP WITH TIME ZONE
--
CREATE INDEX orders_to_erase ON orders (tenant_id, updated_at) WHERE erased_at IS NULL AND status IN ('CANCELLED', 'DELIVERED', 'RETURNED')
--
UPDATE events SET data = data - 'reference' - 'display_reference' WHERE type = 'OrderPlaced'
--
CREATE FUNCTION doorstep_empty_tenders(in_tenant uuid, in_orders uuid[]) RETURNS SETOF uuid
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  UPDATE public.tenders SET dropoff_postal_code = NULL, dropoff_city = 'erased', pickup = pickup || jsonb_build_object(
    'line1', 'erased', 'line2', NULL, 'city', 'erased', 'region', NULL, 'postal_code', NULL, 'formatted', 'erased', 'latitude', NULL, 'longitude', NULL)
  WHERE merchant_id = in_tenant AND merchant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid AND merchant_order_id = ANY(in_orders)
  RETURNING id
$$
