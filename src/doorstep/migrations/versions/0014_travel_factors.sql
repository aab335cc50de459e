-- How much longer roads take at some hours, as the tenant has seen it; when depots are open, and whether orders go to the nearest of them.
-- Frozen: what comes later is a revision of its own. Statements are separated by lines of two dashes.
--
ALTER TABLE tenants
    ADD COLUMN travel_time_factors JSONB DEFAULT '[]'::jsonb NOT NULL,
    ADD COLUMN nearest_depot BOOLEAN DEFAULT false NOT NULL
--
GRANT UPDATE (travel_time_factors, nearest_depot) ON tenants TO doorstep_app
--
ALTER TABLE depots ADD COLUMN opening_hours JSONB DEFAULT '[]'::jsonb NOT NULL
