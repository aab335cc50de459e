-- Points: the buckets of credentials, tenants and networks. No tenant's data, and no business of requests: processes draw from them with the
-- system role. Unlogged: after a crash every bucket is full.
-- Frozen: what comes later is a revision of its own. Statements are separated by lines of two dashes.
--
CREATE UNLOGGED TABLE point_buckets (
    id BYTEA NOT NULL,
    points FLOAT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id)
)
--
REVOKE ALL ON point_buckets FROM doorstep_app
--
ALTER TABLE usage_days ADD COLUMN points BIGINT DEFAULT 0 NOT NULL
