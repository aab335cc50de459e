-- On-demand dispatch: how far the goods of an order are, what the tenant allows its dispatcher, and offers to drivers.
-- Frozen: what comes later is a revision of its own. Statements are separated by lines of two dashes.
--
ALTER TABLE orders
    ADD COLUMN readiness VARCHAR DEFAULT 'READY' NOT NULL,
    ADD COLUMN ready_at TIMESTAMP WITH TIME ZONE,
    ADD CONSTRAINT orders_readiness CHECK (readiness IN ('NOT_READY', 'PREPARING', 'READY')),
    ADD CONSTRAINT orders_ready_at CHECK (readiness <> 'READY' OR ready_at IS NULL)
