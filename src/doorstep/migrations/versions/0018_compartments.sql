-- Compartments: what a vehicle has beside its whole capacity, and what a package must travel in.
-- Frozen: what comes later is a revision of its own. Statements are separated by lines of two dashes.
--
ALTER TABLE vehicles ADD COLUMN compartments JSONB DEFAULT '[]'::jsonb NOT NULL
--
ALTER TABLE vehicles ADD CONSTRAINT vehicles_compartments CHECK (jsonb_typeof(compartments) = 'array')
--
ALTER TABLE packages ADD COLUMN compartment VARCHAR
--
ALTER TABLE packages ADD CONSTRAINT packages_compartment CHECK (compartment <> '')
--
ALTER TABLE orders ADD COLUMN compartments JSONB DEFAULT '{}'::jsonb NOT NULL
--
CREATE OR REPLACE FUNCTION doorstep_shared_orders(tender_ids uuid[]) RETURNS TABLE (tender_id uuid, shared jsonb)
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
  'compartments', CASE WHEN shares ? 'SKILLS' OR shares ? 'PACKAGES' THEN placed.compartments ELSE '{}'::jsonb END,
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
        'volume_cubic_centimeters', package.volume_cubic_centimeters, 'items', package.items, 'fragile', fragile,
        'compartment', package.compartment) ORDER BY position)
      FROM public.packages AS package
      WHERE package.tenant_id = accepted.merchant_id AND package.order_id = accepted.merchant_order_id), '[]'::jsonb)
    ELSE '[]'::jsonb END)
FROM accepted JOIN public.orders AS placed
  ON placed.tenant_id = accepted.merchant_id AND placed.id = accepted.merchant_order_id
$$
