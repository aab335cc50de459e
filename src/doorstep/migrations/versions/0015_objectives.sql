-- Objectives of plans: how late a stop is planned, which only a plan with an allowance for lateness lets happen.
-- Frozen: what comes later is a revision of its own. Statements are separated by lines of two dashes.
--
ALTER TABLE stops ADD COLUMN late_seconds INTEGER DEFAULT 0 NOT NULL
