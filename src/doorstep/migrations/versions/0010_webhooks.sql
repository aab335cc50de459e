-- Webhooks: endpoints of tenants, and the deliveries to them.
-- Frozen: what comes later is a revision of its own. Statements are separated by lines of two dashes.
--
CREATE TABLE webhook_endpoints (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    name VARCHAR NOT NULL,
    url VARCHAR NOT NULL,
    event_types VARCHAR[] DEFAULT '{}' NOT NULL,
    document VARCHAR,
    scopes VARCHAR[] DEFAULT '{}' NOT NULL,
    status VARCHAR NOT NULL,
    reason VARCHAR,
    secret BYTEA NOT NULL,
    previous_secret BYTEA,
    previous_until TIMESTAMP WITH TIME ZONE,
    seq BIGINT NOT NULL,
    seq_recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    replay_until BIGINT DEFAULT '0' NOT NULL,
    failures INTEGER DEFAULT '0' NOT NULL,
    failing_since TIMESTAMP WITH TIME ZONE,
    last_success_at TIMESTAMP WITH TIME ZONE,
    fresh_since TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    probes INTEGER DEFAULT '0' NOT NULL,
    next_probe_at TIMESTAMP WITH TIME ZONE,
    rests_until TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT webhook_endpoints_status CHECK (status IN ('ACTIVE', 'DOWN', 'PAUSED', 'DISABLED')),
    CONSTRAINT webhook_endpoints_reason CHECK (reason IN ('GONE', 'FAILING'))
)
--
CREATE INDEX webhook_endpoints_by_time ON webhook_endpoints (tenant_id, created_at, id)
--
CREATE TABLE webhook_deliveries (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    endpoint_id UUID NOT NULL,
    event_id UUID,
    seq BIGINT,
    recorded_at TIMESTAMP WITH TIME ZONE,
    type VARCHAR NOT NULL,
    order_id UUID,
    subject_id UUID,
    origin VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    tries INTEGER DEFAULT '0' NOT NULL,
    next_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    run_token UUID,
    lease_until TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    last_failed_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    fault VARCHAR,
    answer_status INTEGER,
    answer VARCHAR,
    took_ms INTEGER,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT webhook_deliveries_state CHECK (state IN ('PENDING', 'SENDING', 'DELIVERED', 'PARKED')),
    CONSTRAINT webhook_deliveries_origin CHECK (origin IN ('EVENT', 'REPLAY', 'TEST')),
    CONSTRAINT webhook_deliveries_fault CHECK (fault IN ('STATUS', 'TIMEOUT', 'UNRESOLVED', 'FORBIDDEN_ADDRESS', 'UNREACHABLE', 'BROKEN_ANSWER', 'EVENT_GONE', 'INTERNAL')),
    CONSTRAINT webhook_deliveries_finished CHECK ((finished_at IS NULL) = (state IN ('PENDING', 'SENDING'))),
    FOREIGN KEY(tenant_id, endpoint_id) REFERENCES webhook_endpoints (tenant_id, id) ON DELETE CASCADE
)
--
CREATE INDEX webhook_deliveries_by_event ON webhook_deliveries (tenant_id, event_id)
--
CREATE INDEX webhook_deliveries_by_order ON webhook_deliveries (tenant_id, order_id)
--
CREATE INDEX webhook_deliveries_by_time ON webhook_deliveries (tenant_id, endpoint_id, created_at, id)
--
CREATE INDEX webhook_deliveries_in_order ON webhook_deliveries (tenant_id, endpoint_id, subject_id, seq) WHERE finished_at IS NULL
--
CREATE INDEX webhook_deliveries_open ON webhook_deliveries (tenant_id, endpoint_id, next_at) WHERE finished_at IS NULL
--
CREATE INDEX webhook_deliveries_over ON webhook_deliveries (finished_at)
--
CREATE INDEX webhook_deliveries_parked ON webhook_deliveries (tenant_id, endpoint_id, subject_id, seq) WHERE state = 'PARKED'
--
ALTER TABLE "webhook_endpoints" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "webhook_endpoints" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "webhook_endpoints" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "webhook_endpoints" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
CREATE POLICY reach ON "webhook_endpoints" AS RESTRICTIVE TO doorstep_app USING ((SELECT coalesce(current_setting('app.limited', true), '') = ''))
--
ALTER TABLE "webhook_deliveries" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "webhook_deliveries" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "webhook_deliveries" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "webhook_deliveries" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
CREATE POLICY reach ON "webhook_deliveries" AS RESTRICTIVE TO doorstep_app USING ((SELECT coalesce(current_setting('app.limited', true), '') = ''))
