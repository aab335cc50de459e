-- Several tours of one shift: how often its vehicle may set out, and the stops where it loads anew.
-- Frozen: what comes later is a revision of its own. Statements are separated by lines of two dashes.
--
ALTER TABLE shifts ADD COLUMN max_tours INTEGER DEFAULT 1 NOT NULL
--
ALTER TABLE shifts ADD COLUMN reload_seconds INTEGER DEFAULT 600 NOT NULL
--
ALTER TABLE stops DROP CONSTRAINT stops_kind
--
ALTER TABLE stops ADD CONSTRAINT stops_kind
  CHECK (kind IN ('DEPOT_START', 'PICKUP', 'DROPOFF', 'BREAK', 'RELOAD', 'DEPOT_END')) NOT VALID
--
ALTER TABLE stops VALIDATE CONSTRAINT stops_kind
