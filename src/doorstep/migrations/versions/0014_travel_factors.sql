-- How much longer roads take at some hours, as the tenant has seen it.
-- Frozen: what comes later is a revision of its own. Statements are separated by lines of two dashes.
--
ALTER TABLE tenants ADD COLUMN travel_time_factors JSONB DEFAULT '[]'::jsonb NOT NULL
--
GRANT UPDATE (travel_time_factors) ON tenants TO doorstep_app
