-- What would have to give so that an order which a plan left out finds a place.
-- Frozen: what comes later is a revision of its own. Statements are separated by lines of two dashes.
--
ALTER TABLE plan_orders ADD COLUMN relaxations JSONB
