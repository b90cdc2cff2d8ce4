-- Local staff accounts. A password is an argon2id hash, a second factor is sealed with a key that is not here.
CREATE TABLE staff (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,   -- in lower case: two spellings are one account
    full_name TEXT NOT NULL,
    roles TEXT NOT NULL,             -- with commas between them
    hash TEXT NOT NULL,
    totp BLOB NOT NULL,
    last_step BIGINT NOT NULL,       -- the latest step whose code was used
    stamp TEXT NOT NULL,             -- another each time that what proves its owner changes
    disabled BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
