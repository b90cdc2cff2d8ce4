-- One-time codes: at most one for an account. Of a code there is only a slow hash.
CREATE TABLE codes (
    account TEXT PRIMARY KEY, -- objectGUID
    id TEXT NOT NULL,
    salt TEXT NOT NULL,
    hash TEXT NOT NULL,
    issuer_guid TEXT NOT NULL,
    issuer_account TEXT NOT NULL,
    issuer_name TEXT NOT NULL,
    issued BIGINT NOT NULL,
    until BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    redeemed BIGINT,          -- when a login was begun with it
    spent BIGINT              -- when that login set a password
);
CREATE INDEX codes_until ON codes (until);
