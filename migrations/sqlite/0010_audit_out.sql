-- How the log gets out: to programs that ask (docs/audit-api.md), and to targets that it is sent to.

-- Tokens of programs that read the log. The secret itself is nowhere.
CREATE TABLE api_tokens (
    id TEXT PRIMARY KEY,      -- what stands before the secret in the token
    name TEXT NOT NULL,
    scope TEXT NOT NULL,
    digest BLOB NOT NULL,    -- SHA-256 of the secret, which is random
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    logged_at BIGINT NOT NULL -- when its reading was last written into the log
);
-- The name of a revoked one can be given again.
CREATE UNIQUE INDEX api_tokens_names ON api_tokens (name) WHERE revoked_at IS NULL;

-- How far the log has been sent, or looked through for alerts. Only ever goes forward.
CREATE TABLE audit_cursors (
    name TEXT PRIMARY KEY,
    number BIGINT NOT NULL,
    checkpoint BIGINT NOT NULL
);

-- Alerts that were raised, and until when the same one is not raised again.
CREATE TABLE audit_alerts (
    name TEXT PRIMARY KEY,
    until BIGINT NOT NULL
);
