-- Messages to a company's owners, written by a consumer of the event log.
-- Frozen: what comes later is a revision of its own. Statements are separated by lines of two dashes.
--
CREATE TABLE messages (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    kind VARCHAR NOT NULL,
    event_seq BIGINT NOT NULL,
    endpoint_id UUID NOT NULL,
    member_id UUID NOT NULL,
    subject VARCHAR NOT NULL,
    text VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    tries INTEGER DEFAULT '0' NOT NULL,
    fault VARCHAR,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT messages_kind CHECK (kind IN ('WEBHOOK_DISABLED', 'WEBHOOK_EVENTS_LOST')),
    CONSTRAINT messages_status CHECK (status IN ('PENDING', 'SENT', 'FAILED', 'KEPT')),
    CONSTRAINT messages_fault CHECK (fault IN ('UNREACHABLE', 'TIMEOUT', 'SIGN_IN', 'INSECURE', 'REFUSED', 'NO_OWNER', 'INTERNAL')),
    CONSTRAINT messages_sent CHECK ((status = 'SENT') = (sent_at IS NOT NULL))
)
--
CREATE UNIQUE INDEX messages_once ON messages (tenant_id, event_seq, member_id)
--
CREATE INDEX messages_by_time ON messages (tenant_id, created_at, id)
--
CREATE INDEX messages_by_age ON messages (created_at)
--
ALTER TABLE "messages" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "messages" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "messages" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "messages" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
CREATE POLICY reach ON "messages" AS RESTRICTIVE TO doorstep_app USING ((SELECT coalesce(current_setting('app.limited', true), '') = ''))
--
REVOKE DELETE ON messages FROM doorstep_app
--
-- What happened before there were messages is told to nobody.
INSERT INTO consumers (tenant_id, name, seq) SELECT tenant_id, 'messages', seq FROM event_heads
