-- Searching in the log. Each search goes down an index, or through a stretch of the log that is short.
CREATE INDEX audit_actors ON audit (actor_guid, seq);
CREATE INDEX audit_outcomes ON audit (kind, outcome, seq);
CREATE INDEX audit_results ON audit (outcome, seq);
CREATE INDEX audit_clients ON audit (client, seq);
CREATE INDEX audit_providers ON audit (provider, seq) WHERE provider IS NOT NULL;
CREATE INDEX audit_visits ON audit (visit, seq);
CREATE INDEX audit_times ON audit (at);

-- Everybody whom an entry names, so that names are searched among people and not among entries. The sealer fills it, retention empties it.
CREATE TABLE audit_people (
    guid TEXT NOT NULL,
    words TEXT NOT NULL,      -- account and name in small letters, a blank before each word
    account TEXT NOT NULL,    -- in small letters
    PRIMARY KEY (guid, words)
);
CREATE INDEX audit_people_accounts ON audit_people (account);

-- Searches that somebody keeps, sealed: they may hold a CPR number.
CREATE TABLE audit_searches (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,      -- keyed hash of whose it is
    name TEXT NOT NULL,
    search TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX audit_searches_owners ON audit_searches (owner, at);
