-- Partner carriers: partnerships and tenders (rows of two tenants), the merchant's queues, what the relay has applied.
-- Frozen: what comes later is a revision of its own. Statements are separated by lines of two dashes.
--
ALTER TABLE orders DROP CONSTRAINT orders_status
--
ALTER TABLE orders ADD CONSTRAINT orders_status CHECK (status IN ('PENDING', 'OFFERED', 'ASSIGNED', 'EN_ROUTE_TO_PICKUP', 'AT_PICKUP', 'PICKED_UP', 'EN_ROUTE_TO_DROPOFF', 'AT_DROPOFF', 'DELIVERED', 'ATTEMPT_FAILED', 'AWAITING_REATTEMPT', 'RETURNING', 'RETURNED', 'CANCELLED'))
--
ALTER TABLE orders ADD COLUMN carrier_reference VARCHAR, ADD COLUMN given_tender_id UUID, ADD COLUMN source_tender_id UUID
--
CREATE TABLE partnerships (
    merchant_id UUID NOT NULL,
    id UUID NOT NULL,
    carrier_id UUID,
    version INTEGER NOT NULL,
    status VARCHAR NOT NULL,
    merchant_name VARCHAR NOT NULL,
    carrier_name VARCHAR,
    shared_fields JSONB DEFAULT '[]'::jsonb NOT NULL,
    valid_until TIMESTAMP WITH TIME ZONE,
    token_hash BYTEA,
    token_expires_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    accepted_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (merchant_id, id),
    CONSTRAINT partnerships_status CHECK (status IN ('INVITED', 'ACTIVE', 'ENDED')),
    CONSTRAINT partnerships_two CHECK (carrier_id <> merchant_id),
    CONSTRAINT partnerships_token CHECK (status = 'INVITED' OR token_hash IS NULL),
    CONSTRAINT partnerships_parties UNIQUE (merchant_id, id, carrier_id)
)
--
CREATE UNIQUE INDEX partnerships_active ON partnerships (merchant_id, carrier_id) WHERE status = 'ACTIVE'
--
CREATE INDEX partnerships_by_carrier ON partnerships (carrier_id, created_at, id)
--
CREATE INDEX partnerships_by_merchant ON partnerships (merchant_id, created_at, id)
--
CREATE INDEX partnerships_by_token ON partnerships (token_hash) WHERE token_hash IS NOT NULL
--
CREATE TABLE tenders (
    merchant_id UUID NOT NULL,
    id UUID NOT NULL,
    carrier_id UUID NOT NULL,
    partnership_id UUID NOT NULL,
    merchant_order_id UUID NOT NULL,
    carrier_order_id UUID,
    version INTEGER NOT NULL,
    status VARCHAR NOT NULL,
    reason VARCHAR,
    picked_up BOOLEAN NOT NULL,
    price_minor BIGINT,
    currency VARCHAR NOT NULL,
    weight_grams BIGINT NOT NULL,
    volume_cubic_centimeters BIGINT NOT NULL,
    items INTEGER NOT NULL,
    pickup JSONB DEFAULT '{}'::jsonb NOT NULL,
    dropoff_postal_code VARCHAR,
    dropoff_city VARCHAR NOT NULL,
    dropoff_country VARCHAR NOT NULL,
    dropoff_windows JSONB DEFAULT '[]'::jsonb NOT NULL,
    deadline_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    answered_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (merchant_id, id),
    CONSTRAINT tenders_status CHECK (status IN ('OFFERED', 'ACCEPTED', 'DECLINED', 'EXPIRED', 'WITHDRAWN', 'RELEASED', 'CANCELLED', 'FULFILLED')),
    CONSTRAINT tenders_reason CHECK (reason IS NULL OR reason IN ('PRICE', 'NO_CAPACITY', 'NO_VEHICLE', 'AREA', 'TIME', 'OTHER')),
    FOREIGN KEY(merchant_id, partnership_id, carrier_id) REFERENCES partnerships (merchant_id, id, carrier_id),
    FOREIGN KEY(merchant_id, merchant_order_id) REFERENCES orders (tenant_id, id),
    FOREIGN KEY(carrier_id, carrier_order_id) REFERENCES orders (tenant_id, id)
)
--
CREATE INDEX tenders_by_carrier ON tenders (carrier_id, created_at, id)
--
CREATE UNIQUE INDEX tenders_by_carriers_order ON tenders (carrier_id, carrier_order_id) WHERE carrier_order_id IS NOT NULL
--
CREATE INDEX tenders_by_merchant ON tenders (merchant_id, created_at, id)
--
CREATE INDEX tenders_by_merchants_order ON tenders (merchant_id, merchant_order_id)
--
CREATE INDEX tenders_by_partnership ON tenders (merchant_id, partnership_id)
--
CREATE INDEX tenders_due ON tenders (deadline_at) WHERE status = 'OFFERED'
--
CREATE INDEX tenders_of_carrier ON tenders (carrier_id, id)
--
CREATE UNIQUE INDEX tenders_open ON tenders (merchant_id, merchant_order_id) WHERE status IN ('ACCEPTED', 'OFFERED')
--
CREATE TABLE tender_queues (
    tenant_id UUID NOT NULL,
    order_id UUID NOT NULL,
    offers JSONB DEFAULT '[]'::jsonb NOT NULL,
    PRIMARY KEY (tenant_id, order_id),
    FOREIGN KEY(tenant_id, order_id) REFERENCES orders (tenant_id, id) ON DELETE CASCADE
)
--
CREATE TABLE relayed_events (
    tenant_id UUID NOT NULL,
    event_id UUID NOT NULL,
    about_id UUID NOT NULL,
    applied_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (tenant_id, event_id, about_id)
)
--
CREATE INDEX relayed_events_by_age ON relayed_events (applied_at)
--
ALTER TABLE "partnerships" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "partnerships" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "partnerships" TO doorstep_app USING (merchant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid) OR carrier_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (merchant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid) OR carrier_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "partnerships" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "tenders" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "tenders" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "tenders" TO doorstep_app USING (merchant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid) OR carrier_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (merchant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid) OR carrier_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "tenders" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "tender_queues" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "tender_queues" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "tender_queues" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "tender_queues" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "relayed_events" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "relayed_events" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "relayed_events" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "relayed_events" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
CREATE POLICY merchant_invites ON "partnerships" AS RESTRICTIVE FOR INSERT TO doorstep_app WITH CHECK (merchant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid) AND carrier_id IS NULL)
--
CREATE POLICY merchant_offers ON "tenders" AS RESTRICTIVE FOR INSERT TO doorstep_app WITH CHECK (merchant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid) AND carrier_order_id IS NULL)
--
REVOKE UPDATE, DELETE ON partnerships, tenders FROM doorstep_app
--
GRANT UPDATE (version, status, shared_fields, valid_until, token_hash, token_expires_at, updated_at, ended_at) ON partnerships TO doorstep_app
--
GRANT UPDATE (version, status, reason, picked_up, carrier_order_id, updated_at, answered_at) ON tenders TO doorstep_app
--
CREATE FUNCTION doorstep_only_merchant_shares() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
DECLARE
  present uuid := NULLIF(current_setting('app.tenant_id', true), '')::uuid;
BEGIN
  IF present IS DISTINCT FROM OLD.merchant_id AND present IS NOT NULL
     AND (NEW.shared_fields IS DISTINCT FROM OLD.shared_fields OR NEW.valid_until IS DISTINCT FROM OLD.valid_until) THEN
    RAISE insufficient_privilege USING MESSAGE = 'only the merchant says what it shares';
  END IF;
  RETURN NEW;
END $$
--
CREATE TRIGGER partnerships_only_merchant_shares BEFORE UPDATE ON partnerships FOR EACH ROW EXECUTE FUNCTION doorstep_only_merchant_shares()
--
CREATE FUNCTION doorstep_redeem_invitation(hash bytea) RETURNS TABLE (verdict text, merchant_id uuid, partnership_id uuid)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
#variable_conflict use_column
DECLARE
  present uuid := NULLIF(current_setting('app.tenant_id', true), '')::uuid;
  found public.partnerships%ROWTYPE;
  me public.tenants%ROWTYPE;
BEGIN
  SELECT * INTO me FROM public.tenants AS tenant WHERE tenant.id = present;
  SELECT * INTO found FROM public.partnerships AS one WHERE one.token_hash = hash AND one.status = 'INVITED' FOR UPDATE;
  IF found.id IS NULL OR me.id IS NULL THEN
    RETURN QUERY SELECT 'UNKNOWN'::text, NULL::uuid, NULL::uuid; RETURN;
  END IF;
  IF found.token_expires_at <= now() OR found.valid_until <= now() THEN
    RETURN QUERY SELECT 'EXPIRED'::text, NULL::uuid, NULL::uuid; RETURN;
  END IF;
  IF found.merchant_id = me.id THEN
    RETURN QUERY SELECT 'OWN'::text, NULL::uuid, NULL::uuid; RETURN;
  END IF;
  IF me.mode <> (SELECT tenant.mode FROM public.tenants AS tenant WHERE tenant.id = found.merchant_id) THEN
    RETURN QUERY SELECT 'MODE'::text, NULL::uuid, NULL::uuid; RETURN;
  END IF;
  IF EXISTS (SELECT 1 FROM public.partnerships AS other
             WHERE other.merchant_id = found.merchant_id AND other.carrier_id = me.id AND other.status = 'ACTIVE') THEN
    RETURN QUERY SELECT 'KNOWN'::text, NULL::uuid, NULL::uuid; RETURN;
  END IF;
  UPDATE public.partnerships AS one
    SET carrier_id = me.id, carrier_name = me.name, status = 'ACTIVE', token_hash = NULL, token_expires_at = NULL,
        version = one.version + 1, accepted_at = now(), updated_at = now()
    WHERE one.merchant_id = found.merchant_id AND one.id = found.id;
  RETURN QUERY SELECT 'ACCEPTED'::text, found.merchant_id, found.id;
END $$
--
CREATE FUNCTION doorstep_shared_orders(tender_ids uuid[]) RETURNS TABLE (tender_id uuid, shared jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
WITH accepted AS (
  SELECT tender.id, tender.merchant_id, tender.merchant_order_id, tender.pickup, partnership.shared_fields AS shares
  FROM public.tenders AS tender
  JOIN public.partnerships AS partnership
    ON partnership.merchant_id = tender.merchant_id AND partnership.id = tender.partnership_id
  WHERE tender.id = ANY (tender_ids) AND tender.status = 'ACCEPTED'
    AND tender.carrier_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid
), ends AS (
  SELECT accepted.id, point.role, to_jsonb(point) - ARRAY['tenant_id', 'order_id', 'role']
    || jsonb_build_object(
      'contact_name', CASE WHEN shares ? 'CONTACT_NAME' THEN point.contact_name END,
      'contact_phone', CASE WHEN shares ? 'CONTACT_PHONE' THEN point.contact_phone END,
      'contact_email', CASE WHEN shares ? 'CONTACT_EMAIL' THEN point.contact_email END,
      'instructions', CASE WHEN shares ? 'INSTRUCTIONS' THEN point.instructions END,
      'access_code', CASE WHEN shares ? 'ACCESS_CODE' THEN point.access_code END) AS columns
  FROM accepted JOIN public.order_waypoints AS point
    ON point.tenant_id = accepted.merchant_id AND point.order_id = accepted.merchant_order_id
)
SELECT accepted.id, jsonb_build_object(
  'shares', shares,
  'priority', placed.priority,
  'attempt_number', placed.attempt_number,
  'vehicle_kinds', placed.vehicle_kinds,
  'weight_grams', placed.weight_grams,
  'volume_cubic_centimeters', placed.volume_cubic_centimeters,
  'items', placed.items,
  'proof_kinds', placed.proof_kinds,
  'due_at', placed.due_at,
  'location_status', placed.location_status,
  'display_reference', CASE WHEN shares ? 'REFERENCE' THEN coalesce(placed.display_reference, placed.reference) END,
  'required_skills', CASE WHEN shares ? 'SKILLS' THEN placed.required_skills ELSE '[]'::jsonb END,
  'metadata', CASE WHEN shares ? 'METADATA' THEN placed.metadata ELSE '{}'::jsonb END,
  'pin', CASE WHEN shares ? 'PIN' OR starts_with(placed.pin, 'sha256:') THEN placed.pin
              ELSE 'sha256:' || accepted.id || ':' || encode(sha256(convert_to(accepted.id || placed.pin, 'UTF8')), 'hex') END,
  'pickup', coalesce((SELECT columns FROM ends WHERE ends.id = accepted.id AND ends.role = 'PICKUP' AND placed.custody = 'SENDER'), '{}'::jsonb)
            || accepted.pickup,
  'dropoff', (SELECT columns FROM ends WHERE ends.id = accepted.id AND ends.role = 'DROPOFF'),
  'packages', CASE WHEN shares ? 'PACKAGES' THEN coalesce((
      SELECT jsonb_agg(jsonb_build_object('barcode', barcode, 'description', description, 'weight_grams', package.weight_grams,
        'volume_cubic_centimeters', package.volume_cubic_centimeters, 'items', package.items, 'fragile', fragile) ORDER BY position)
      FROM public.packages AS package
      WHERE package.tenant_id = accepted.merchant_id AND package.order_id = accepted.merchant_order_id), '[]'::jsonb)
    ELSE '[]'::jsonb END)
FROM accepted JOIN public.orders AS placed
  ON placed.tenant_id = accepted.merchant_id AND placed.id = accepted.merchant_order_id
$$
--
CREATE FUNCTION doorstep_would_come_back(order_ids uuid[], carrier_ids uuid[]) RETURNS TABLE (order_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
WITH RECURSIVE came AS (
  SELECT placed.id AS order_id, placed.source_tender_id, placed.tenant_id AS holder
  FROM public.orders AS placed
  WHERE placed.tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid AND placed.id = ANY (order_ids)
  UNION
  SELECT came.order_id, placed.source_tender_id, placed.tenant_id
  FROM came
  JOIN public.tenders AS tender ON tender.carrier_id = came.holder AND tender.id = came.source_tender_id
  JOIN public.orders AS placed ON placed.tenant_id = tender.merchant_id AND placed.id = tender.merchant_order_id
)
SELECT DISTINCT came.order_id FROM came WHERE came.holder = ANY (carrier_ids)
$$
