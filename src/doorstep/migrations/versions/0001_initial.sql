-- The first schema: tables, indexes, forced row-level security, and the functions that look past it.
-- Frozen: what comes later is a revision of its own. Statements are separated by lines of two dashes.
--
CREATE TABLE api_keys (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    name VARCHAR NOT NULL,
    prefix VARCHAR NOT NULL,
    hash BYTEA NOT NULL,
    scopes JSONB DEFAULT '[]'::jsonb NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    last_used_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (tenant_id, id)
)
--
CREATE INDEX api_keys_by_hash ON api_keys (hash)
--
CREATE TABLE consumers (
    tenant_id UUID NOT NULL,
    name VARCHAR NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, name)
)
--
CREATE TABLE depots (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    name VARCHAR NOT NULL,
    line1 VARCHAR NOT NULL,
    line2 VARCHAR,
    city VARCHAR NOT NULL,
    region VARCHAR,
    postal_code VARCHAR,
    country VARCHAR NOT NULL,
    formatted VARCHAR NOT NULL,
    latitude FLOAT NOT NULL,
    longitude FLOAT NOT NULL,
    time_zone VARCHAR NOT NULL,
    archived_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (tenant_id, id)
)
--
CREATE INDEX depots_by_name ON depots (tenant_id, name, id)
--
CREATE TABLE drivers (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    name VARCHAR NOT NULL,
    phone VARCHAR,
    skills JSONB DEFAULT '[]'::jsonb NOT NULL,
    archived_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (tenant_id, id)
)
--
CREATE INDEX drivers_by_name ON drivers (tenant_id, name, id)
--
CREATE TABLE event_heads (
    tenant_id UUID NOT NULL,
    seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    pruned_seq BIGINT DEFAULT '0' NOT NULL,
    PRIMARY KEY (tenant_id)
)
--
CREATE TABLE events (
    tenant_id UUID NOT NULL,
    seq BIGINT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    id UUID NOT NULL,
    type VARCHAR NOT NULL,
    aggregate_version INTEGER NOT NULL,
    order_id UUID,
    plan_id UUID,
    route_id UUID,
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor_kind VARCHAR NOT NULL,
    actor_id UUID,
    data JSONB NOT NULL,
    PRIMARY KEY (tenant_id, seq, recorded_at)
)
 PARTITION BY RANGE (recorded_at)
--
CREATE INDEX events_by_id ON events (tenant_id, id)
--
CREATE INDEX events_by_order ON events (tenant_id, order_id, seq)
--
CREATE TABLE idempotency_keys (
    tenant_id UUID NOT NULL,
    operation VARCHAR NOT NULL,
    key VARCHAR NOT NULL,
    fingerprint BYTEA NOT NULL,
    outcome JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (tenant_id, operation, key)
)
--
CREATE INDEX ix_idempotency_keys_created_at ON idempotency_keys (created_at)
--
CREATE TABLE installation (
    id INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (id)
)
--
CREATE TABLE jobs (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    kind VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    input JSONB NOT NULL,
    progress JSONB,
    result JSONB,
    error VARCHAR,
    attempts INTEGER NOT NULL,
    run_token UUID,
    run_after TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    lease_until TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT jobs_state CHECK (state IN ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED'))
)
--
CREATE INDEX jobs_due ON jobs (run_after) WHERE state IN ('QUEUED', 'RUNNING')
--
CREATE TABLE map_extracts (
    id SERIAL NOT NULL,
    checksum VARCHAR NOT NULL,
    country VARCHAR NOT NULL,
    names INTEGER NOT NULL,
    houses INTEGER NOT NULL,
    is_current BOOLEAN NOT NULL,
    loaded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT map_extracts_counts CHECK (names >= 0 AND houses >= 0),
    UNIQUE (checksum)
)
--
CREATE UNIQUE INDEX map_extracts_one_current ON map_extracts (is_current) WHERE is_current
--
CREATE TABLE plans (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    name VARCHAR,
    status VARCHAR NOT NULL,
    job_id UUID,
    options JSONB DEFAULT '{}'::jsonb NOT NULL,
    progress JSONB DEFAULT '{}'::jsonb NOT NULL,
    failure_reason VARCHAR,
    superseded_by UUID,
    network VARCHAR,
    map_version VARCHAR,
    engine VARCHAR,
    summary JSONB,
    baseline JSONB,
    finished_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT plans_status CHECK (status IN ('DRAFT', 'OPTIMIZING', 'PROPOSED', 'COMMITTED', 'SUPERSEDED', 'FAILED', 'CANCELLED'))
)
--
CREATE INDEX plans_by_creation ON plans (tenant_id, created_at, id)
--
CREATE TABLE tenants (
    id UUID NOT NULL,
    slug VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    mode VARCHAR NOT NULL,
    time_zone VARCHAR NOT NULL,
    country VARCHAR,
    currency VARCHAR NOT NULL,
    clock_anchor_wall FLOAT NOT NULL,
    clock_anchor FLOAT NOT NULL,
    clock_rate FLOAT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT tenants_mode CHECK (mode IN ('LIVE', 'TEST')),
    UNIQUE (slug)
)
--
CREATE TABLE workers (
    id UUID NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id)
)
--
CREATE TABLE map_names (
    extract_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    kind VARCHAR NOT NULL,
    country VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    city VARCHAR,
    postal_code VARCHAR,
    latitude FLOAT NOT NULL,
    longitude FLOAT NOT NULL,
    plain_name VARCHAR NOT NULL,
    plain_city VARCHAR NOT NULL,
    plain_code VARCHAR NOT NULL,
    PRIMARY KEY (extract_id, id),
    FOREIGN KEY(extract_id) REFERENCES map_extracts (id) ON DELETE CASCADE,
    CONSTRAINT map_names_kind CHECK (kind IN ('STREET', 'PLACE'))
)
--
CREATE INDEX map_names_exact ON map_names (extract_id, country, plain_name)
--
CREATE TABLE orders (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    reference VARCHAR,
    display_reference VARCHAR,
    kind VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    custody VARCHAR NOT NULL,
    location_status VARCHAR NOT NULL,
    depot_id UUID,
    priority INTEGER NOT NULL,
    required_skills JSONB DEFAULT '[]'::jsonb NOT NULL,
    vehicle_kinds JSONB DEFAULT '[]'::jsonb NOT NULL,
    weight_grams BIGINT NOT NULL,
    volume_cubic_centimeters BIGINT NOT NULL,
    items INTEGER NOT NULL,
    proof_kinds JSONB DEFAULT '[]'::jsonb NOT NULL,
    pin VARCHAR,
    metadata JSONB DEFAULT '{}'::jsonb NOT NULL,
    attempt_number INTEGER NOT NULL,
    status_reason VARCHAR,
    due_at TIMESTAMP WITH TIME ZONE,
    due_order TIMESTAMP WITH TIME ZONE GENERATED ALWAYS AS (coalesce(due_at, TIMESTAMPTZ '9999-12-31 00:00:00+00')) STORED NOT NULL,
    eta_at TIMESTAMP WITH TIME ZONE,
    eta_late_by_seconds INTEGER,
    eta_stops_before INTEGER,
    eta_updated_at TIMESTAMP WITH TIME ZONE,
    eta_announced_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT orders_kind CHECK (kind IN ('DELIVERY', 'PICKUP_AND_DELIVERY')),
    CONSTRAINT orders_status CHECK (status IN ('PENDING', 'ASSIGNED', 'EN_ROUTE_TO_PICKUP', 'AT_PICKUP', 'PICKED_UP', 'EN_ROUTE_TO_DROPOFF', 'AT_DROPOFF', 'DELIVERED', 'ATTEMPT_FAILED', 'AWAITING_REATTEMPT', 'RETURNING', 'RETURNED', 'CANCELLED')),
    CONSTRAINT orders_custody CHECK (custody IN ('SENDER', 'DEPOT', 'VEHICLE', 'RECIPIENT')),
    CONSTRAINT orders_location_status CHECK (location_status IN ('LOCATED', 'NEEDS_LOCATION')),
    CONSTRAINT orders_priority CHECK (priority BETWEEN 0 AND 100),
    FOREIGN KEY(tenant_id, depot_id) REFERENCES depots (tenant_id, id)
)
--
CREATE INDEX orders_by_creation ON orders (tenant_id, created_at, id)
--
CREATE INDEX orders_by_display_reference ON orders (tenant_id, display_reference, created_at, id)
--
CREATE INDEX orders_by_due ON orders (tenant_id, due_order, id)
--
CREATE INDEX orders_by_priority ON orders (tenant_id, priority, id)
--
CREATE INDEX orders_by_status ON orders (tenant_id, status, created_at, id)
--
CREATE UNIQUE INDEX orders_reference ON orders (tenant_id, reference) WHERE reference IS NOT NULL
--
CREATE TABLE vehicles (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    name VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    depot_id UUID,
    capacity_weight_grams BIGINT,
    capacity_volume_cubic_centimeters BIGINT,
    capacity_items INTEGER,
    skills JSONB DEFAULT '[]'::jsonb NOT NULL,
    cost_fixed_minor BIGINT NOT NULL,
    cost_per_hour_minor BIGINT NOT NULL,
    cost_per_kilometer_minor BIGINT NOT NULL,
    speed_factor FLOAT NOT NULL,
    emissions_grams_per_kilometer FLOAT,
    max_range_meters INTEGER,
    archived_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT vehicles_kind CHECK (kind IN ('ON_FOOT', 'BICYCLE', 'CARGO_BIKE', 'SCOOTER', 'MOTORCYCLE', 'CAR', 'VAN', 'TRUCK', 'ROBOT', 'DRONE')),
    FOREIGN KEY(tenant_id, depot_id) REFERENCES depots (tenant_id, id)
)
--
CREATE INDEX vehicles_by_name ON vehicles (tenant_id, name, id)
--
CREATE TABLE map_houses (
    extract_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    name_id INTEGER NOT NULL,
    number VARCHAR NOT NULL,
    plain_number VARCHAR NOT NULL,
    latitude FLOAT NOT NULL,
    longitude FLOAT NOT NULL,
    PRIMARY KEY (extract_id, id),
    FOREIGN KEY(extract_id, name_id) REFERENCES map_names (extract_id, id) ON DELETE CASCADE
)
--
CREATE INDEX map_houses_of_name ON map_houses (extract_id, name_id, plain_number)
--
CREATE TABLE order_waypoints (
    tenant_id UUID NOT NULL,
    order_id UUID NOT NULL,
    role VARCHAR NOT NULL,
    line1 VARCHAR NOT NULL,
    line2 VARCHAR,
    city VARCHAR NOT NULL,
    region VARCHAR,
    postal_code VARCHAR,
    country VARCHAR NOT NULL,
    formatted VARCHAR NOT NULL,
    latitude FLOAT,
    longitude FLOAT,
    location_check VARCHAR NOT NULL,
    location_reason VARCHAR,
    road_distance_meters FLOAT,
    contact_name VARCHAR,
    contact_phone VARCHAR,
    contact_email VARCHAR,
    windows JSONB DEFAULT '[]'::jsonb NOT NULL,
    service_seconds INTEGER NOT NULL,
    instructions VARCHAR,
    access_code VARCHAR,
    PRIMARY KEY (tenant_id, order_id, role),
    CONSTRAINT order_waypoints_role CHECK (role IN ('PICKUP', 'DROPOFF')),
    CONSTRAINT order_waypoints_location_check CHECK (location_check IN ('CHECKED', 'UNCHECKED')),
    CONSTRAINT order_waypoints_location_reason CHECK (location_reason IS NULL OR location_reason IN ('NO_MAP', 'OTHER_COUNTRY', 'NOT_FOUND', 'STREET_ONLY', 'PLACE_ONLY', 'AMBIGUOUS', 'DOUBTFUL', 'NO_TIME')),
    CONSTRAINT order_waypoints_point CHECK ((latitude IS NULL) = (longitude IS NULL)),
    FOREIGN KEY(tenant_id, order_id) REFERENCES orders (tenant_id, id) ON DELETE CASCADE
)
--
CREATE TABLE packages (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    order_id UUID NOT NULL,
    position INTEGER NOT NULL,
    barcode VARCHAR,
    description VARCHAR,
    weight_grams BIGINT NOT NULL,
    volume_cubic_centimeters BIGINT NOT NULL,
    items INTEGER NOT NULL,
    fragile BOOLEAN NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY(tenant_id, order_id) REFERENCES orders (tenant_id, id) ON DELETE CASCADE
)
--
CREATE INDEX packages_by_barcode ON packages (tenant_id, barcode)
--
CREATE INDEX packages_by_order ON packages (tenant_id, order_id, position)
--
CREATE TABLE plan_orders (
    tenant_id UUID NOT NULL,
    plan_id UUID NOT NULL,
    order_id UUID NOT NULL,
    order_version INTEGER NOT NULL,
    assigned BOOLEAN NOT NULL,
    reasons JSONB,
    PRIMARY KEY (tenant_id, plan_id, order_id),
    FOREIGN KEY(tenant_id, plan_id) REFERENCES plans (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY(tenant_id, order_id) REFERENCES orders (tenant_id, id)
)
--
CREATE INDEX plan_orders_by_order ON plan_orders (tenant_id, order_id)
--
CREATE TABLE shifts (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    driver_id UUID NOT NULL,
    vehicle_id UUID,
    depot_id UUID NOT NULL,
    starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    returns_to_depot BOOLEAN NOT NULL,
    breaks JSONB DEFAULT '[]'::jsonb NOT NULL,
    max_stops INTEGER,
    max_distance_meters INTEGER,
    max_driving_seconds INTEGER,
    archived_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT shifts_times CHECK (starts_at < ends_at),
    FOREIGN KEY(tenant_id, driver_id) REFERENCES drivers (tenant_id, id),
    FOREIGN KEY(tenant_id, vehicle_id) REFERENCES vehicles (tenant_id, id),
    FOREIGN KEY(tenant_id, depot_id) REFERENCES depots (tenant_id, id)
)
--
CREATE INDEX shifts_by_driver ON shifts (tenant_id, driver_id, starts_at)
--
CREATE INDEX shifts_by_start ON shifts (tenant_id, starts_at, id)
--
CREATE INDEX shifts_by_vehicle ON shifts (tenant_id, vehicle_id, starts_at)
--
CREATE TABLE vehicle_positions (
    tenant_id UUID NOT NULL,
    vehicle_id UUID NOT NULL,
    latitude FLOAT NOT NULL,
    longitude FLOAT NOT NULL,
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    heading_degrees FLOAT,
    speed_meters_per_second FLOAT,
    accuracy_meters FLOAT,
    PRIMARY KEY (tenant_id, vehicle_id),
    FOREIGN KEY(tenant_id, vehicle_id) REFERENCES vehicles (tenant_id, id) ON DELETE CASCADE
)
--
CREATE TABLE plan_shifts (
    tenant_id UUID NOT NULL,
    plan_id UUID NOT NULL,
    shift_id UUID NOT NULL,
    shift_version INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, plan_id, shift_id),
    FOREIGN KEY(tenant_id, plan_id) REFERENCES plans (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY(tenant_id, shift_id) REFERENCES shifts (tenant_id, id)
)
--
CREATE TABLE routes (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    plan_id UUID,
    shift_id UUID NOT NULL,
    driver_id UUID NOT NULL,
    vehicle_id UUID NOT NULL,
    depot_id UUID NOT NULL,
    status VARCHAR NOT NULL,
    starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
    network VARCHAR NOT NULL,
    map_version VARCHAR,
    summary JSONB DEFAULT '{}'::jsonb NOT NULL,
    dispatched_at TIMESTAMP WITH TIME ZONE,
    started_at TIMESTAMP WITH TIME ZONE,
    completed_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT routes_status CHECK (status IN ('DRAFT', 'COMMITTED', 'DISPATCHED', 'IN_PROGRESS', 'COMPLETED', 'CANCELLED')),
    FOREIGN KEY(tenant_id, plan_id) REFERENCES plans (tenant_id, id),
    FOREIGN KEY(tenant_id, shift_id) REFERENCES shifts (tenant_id, id),
    FOREIGN KEY(tenant_id, driver_id) REFERENCES drivers (tenant_id, id),
    FOREIGN KEY(tenant_id, vehicle_id) REFERENCES vehicles (tenant_id, id),
    FOREIGN KEY(tenant_id, depot_id) REFERENCES depots (tenant_id, id)
)
--
CREATE UNIQUE INDEX routes_active_shift ON routes (tenant_id, shift_id) WHERE status IN ('COMMITTED', 'DISPATCHED', 'IN_PROGRESS')
--
CREATE INDEX routes_by_driver ON routes (tenant_id, driver_id, status)
--
CREATE INDEX routes_by_plan ON routes (tenant_id, plan_id, id)
--
CREATE INDEX routes_by_shift ON routes (tenant_id, shift_id)
--
CREATE INDEX routes_by_start ON routes (tenant_id, starts_at, id)
--
CREATE TABLE assignments (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    order_id UUID NOT NULL,
    route_id UUID NOT NULL,
    active BOOLEAN NOT NULL,
    assigned_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY(tenant_id, order_id) REFERENCES orders (tenant_id, id),
    FOREIGN KEY(tenant_id, route_id) REFERENCES routes (tenant_id, id)
)
--
CREATE UNIQUE INDEX assignments_active ON assignments (tenant_id, order_id) WHERE active
--
CREATE INDEX assignments_by_route ON assignments (tenant_id, route_id)
--
CREATE TABLE stops (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    route_id UUID NOT NULL,
    sequence INTEGER NOT NULL,
    kind VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    depot_id UUID,
    latitude FLOAT,
    longitude FLOAT,
    planned_arrival TIMESTAMP WITH TIME ZONE NOT NULL,
    planned_service_start TIMESTAMP WITH TIME ZONE NOT NULL,
    planned_departure TIMESTAMP WITH TIME ZONE NOT NULL,
    leg_meters INTEGER NOT NULL,
    leg_seconds INTEGER NOT NULL,
    leg_path VARCHAR,
    load_after JSONB DEFAULT '{}'::jsonb NOT NULL,
    locked BOOLEAN NOT NULL,
    eta_at TIMESTAMP WITH TIME ZONE,
    departed_at TIMESTAMP WITH TIME ZONE,
    arrived_at TIMESTAMP WITH TIME ZONE,
    closed_at TIMESTAMP WITH TIME ZONE,
    failure_reason VARCHAR,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT stops_kind CHECK (kind IN ('DEPOT_START', 'PICKUP', 'DROPOFF', 'BREAK', 'DEPOT_END')),
    CONSTRAINT stops_status CHECK (status IN ('PENDING', 'EN_ROUTE', 'ARRIVED', 'COMPLETED', 'FAILED', 'SKIPPED', 'CANCELLED')),
    FOREIGN KEY(tenant_id, route_id) REFERENCES routes (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY(tenant_id, depot_id) REFERENCES depots (tenant_id, id)
)
--
CREATE INDEX stops_by_route ON stops (tenant_id, route_id, sequence)
--
CREATE TABLE attempts (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    order_id UUID NOT NULL,
    stop_id UUID,
    number INTEGER NOT NULL,
    outcome VARCHAR NOT NULL,
    reason VARCHAR,
    note VARCHAR,
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT attempts_outcome CHECK (outcome IN ('DELIVERED', 'FAILED')),
    FOREIGN KEY(tenant_id, order_id) REFERENCES orders (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY(tenant_id, stop_id) REFERENCES stops (tenant_id, id)
)
--
CREATE INDEX attempts_by_order ON attempts (tenant_id, order_id, number)
--
CREATE TABLE proofs (
    tenant_id UUID NOT NULL,
    id UUID NOT NULL,
    order_id UUID NOT NULL,
    stop_id UUID,
    kind VARCHAR NOT NULL,
    captured_at TIMESTAMP WITH TIME ZONE NOT NULL,
    latitude FLOAT,
    longitude FLOAT,
    distance_from_target_meters FLOAT,
    barcode VARCHAR,
    recipient_name VARCHAR,
    note VARCHAR,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY(tenant_id, order_id) REFERENCES orders (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY(tenant_id, stop_id) REFERENCES stops (tenant_id, id)
)
--
CREATE INDEX proofs_by_order ON proofs (tenant_id, order_id, captured_at)
--
CREATE TABLE stop_acts (
    tenant_id UUID NOT NULL,
    act_id VARCHAR NOT NULL,
    stop_id UUID NOT NULL,
    act VARCHAR NOT NULL,
    fingerprint BYTEA NOT NULL,
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    outcome JSONB DEFAULT '{}'::jsonb NOT NULL,
    PRIMARY KEY (tenant_id, act_id),
    CONSTRAINT stop_acts_act CHECK (act IN ('DEPART', 'ARRIVE', 'COMPLETE', 'FAIL', 'SKIP')),
    FOREIGN KEY(tenant_id, stop_id) REFERENCES stops (tenant_id, id) ON DELETE CASCADE
)
--
CREATE INDEX stop_acts_by_stop ON stop_acts (tenant_id, stop_id, occurred_at)
--
CREATE TABLE stop_orders (
    tenant_id UUID NOT NULL,
    stop_id UUID NOT NULL,
    order_id UUID NOT NULL,
    PRIMARY KEY (tenant_id, stop_id, order_id),
    FOREIGN KEY(tenant_id, stop_id) REFERENCES stops (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY(tenant_id, order_id) REFERENCES orders (tenant_id, id)
)
--
CREATE INDEX stop_orders_by_order ON stop_orders (tenant_id, order_id)
--
CREATE INDEX map_names_name_trigrams ON map_names USING gin (plain_name gin_trgm_ops)
--
CREATE INDEX map_names_city_trigrams ON map_names USING gin (plain_city gin_trgm_ops)
--
ALTER TABLE "api_keys" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "api_keys" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "api_keys" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "api_keys" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "consumers" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "consumers" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "consumers" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "consumers" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "depots" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "depots" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "depots" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "depots" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "drivers" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "drivers" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "drivers" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "drivers" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "event_heads" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "event_heads" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "event_heads" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "event_heads" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "events" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "events" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "events" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "events" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "idempotency_keys" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "idempotency_keys" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "idempotency_keys" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "idempotency_keys" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "jobs" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "jobs" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "jobs" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "jobs" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "plans" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "plans" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "plans" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "plans" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "orders" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "orders" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "orders" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "orders" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "vehicles" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "vehicles" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "vehicles" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "vehicles" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "order_waypoints" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "order_waypoints" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "order_waypoints" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "order_waypoints" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "packages" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "packages" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "packages" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "packages" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "plan_orders" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "plan_orders" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "plan_orders" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "plan_orders" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "shifts" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "shifts" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "shifts" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "shifts" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "vehicle_positions" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "vehicle_positions" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "vehicle_positions" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "vehicle_positions" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "plan_shifts" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "plan_shifts" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "plan_shifts" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "plan_shifts" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "routes" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "routes" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "routes" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "routes" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "assignments" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "assignments" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "assignments" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "assignments" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "stops" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "stops" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "stops" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "stops" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "attempts" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "attempts" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "attempts" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "attempts" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "proofs" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "proofs" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "proofs" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "proofs" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "stop_acts" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "stop_acts" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "stop_acts" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "stop_acts" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "stop_orders" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "stop_orders" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "stop_orders" TO doorstep_app USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "stop_orders" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
ALTER TABLE "tenants" ENABLE ROW LEVEL SECURITY
--
ALTER TABLE "tenants" FORCE ROW LEVEL SECURITY
--
CREATE POLICY tenant ON "tenants" TO doorstep_app USING (id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))
--
CREATE POLICY system ON "tenants" TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)
--
INSERT INTO installation (id, epoch) VALUES (1, 1)
--
REVOKE ALL ON installation, workers FROM doorstep_app
--
GRANT SELECT ON installation TO doorstep_app
--
REVOKE INSERT, UPDATE, DELETE ON tenants FROM doorstep_app
--
REVOKE UPDATE, DELETE ON events FROM doorstep_app
--
REVOKE INSERT, UPDATE, DELETE ON map_extracts, map_names, map_houses FROM doorstep_app
--
CREATE FUNCTION doorstep_authenticate(key_hash bytea)
RETURNS TABLE (tenant_id uuid, key_id uuid, scopes jsonb, time_zone text, country text,
               clock_anchor_wall float8, clock_anchor float8, clock_rate float8)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH found AS (
    SELECT key.tenant_id, key.id, key.scopes, key.last_used_at FROM public.api_keys AS key
    WHERE key.hash = key_hash AND key.revoked_at IS NULL AND (key.expires_at IS NULL OR key.expires_at > now())
  ), used AS (
    UPDATE public.api_keys AS key SET last_used_at = now() FROM found
    WHERE key.tenant_id = found.tenant_id AND key.id = found.id
      AND (found.last_used_at IS NULL OR found.last_used_at < now() - interval '1 minute')
  )
  SELECT found.tenant_id, found.id, found.scopes, tenant.time_zone::text, tenant.country::text,
         tenant.clock_anchor_wall, tenant.clock_anchor, tenant.clock_rate
  FROM found JOIN public.tenants AS tenant ON tenant.id = found.tenant_id;
END $$
--
CREATE FUNCTION doorstep_ensure_event_partitions(months integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $body$
DECLARE
  first date := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
  starts date;
  ends date;
  made integer := 0;
  name text;
BEGIN
  FOR step IN 0..months LOOP
    starts := first + make_interval(months => step);
    ends := first + make_interval(months => step + 1);
    name := 'events_' || to_char(starts, 'YYYYMM');
    IF to_regclass('public.' || name) IS NULL THEN
      EXECUTE format('CREATE TABLE public.%I PARTITION OF public.events FOR VALUES FROM (%L) TO (%L)',
        name, starts::text || ' 00:00+00', ends::text || ' 00:00+00');
      EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', name);
      EXECUTE format('ALTER TABLE public.%I FORCE ROW LEVEL SECURITY', name);
      EXECUTE format($policy$CREATE POLICY tenant ON public.%I TO doorstep_app
        USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)) WITH CHECK (tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid))$policy$, name);
      EXECUTE format('CREATE POLICY system ON public.%I TO doorstep_owner, doorstep_system USING (true) WITH CHECK (true)', name);
      EXECUTE format('REVOKE ALL ON public.%I FROM doorstep_app', name);
      made := made + 1;
    END IF;
  END LOOP;
  RETURN made;
END $body$
--
REVOKE EXECUTE ON FUNCTION doorstep_ensure_event_partitions(integer) FROM doorstep_app
--
SELECT doorstep_ensure_event_partitions(3)
