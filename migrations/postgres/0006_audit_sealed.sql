-- The log, complete and sealed (docs/decisions/0013).

-- The browser's own word for itself; what the actor was in this (`own`, `parent`, `teacher` …, from the authority); the target's domain.
ALTER TABLE audit ADD COLUMN user_agent TEXT;
ALTER TABLE audit ADD COLUMN role TEXT;
ALTER TABLE audit ADD COLUMN target_domain TEXT;
-- A commitment to a CPR number: SHA-256 of a random number and the CPR number, both of which only audit_cpr knows. Hexadecimal.
ALTER TABLE audit ADD COLUMN actor_cpr TEXT;
ALTER TABLE audit ADD COLUMN target_cpr TEXT;
-- By which the sealer knows that an instance of the service wrote the entry, and that nobody changed it since. Hexadecimal.
ALTER TABLE audit ADD COLUMN mac TEXT;

-- CPR numbers, encrypted, and what they are found by. Beside the log and not in it: the key can be changed.
CREATE TABLE audit_cpr (
    seq BIGINT NOT NULL,
    party TEXT NOT NULL CHECK (party IN ('actor', 'target')),
    key_id TEXT NOT NULL,     -- the key of both
    blind TEXT NOT NULL,      -- keyed hash
    sealed BYTEA NOT NULL,    -- nonce, ChaCha20-Poly1305 ciphertext and tag, bound to the commitment
    PRIMARY KEY (seq, party)
);
CREATE INDEX audit_cpr_found ON audit_cpr (blind, seq);

-- Entries that have no place in the chain yet, kept by a trigger in the statement that writes them.
CREATE TABLE audit_unsealed (seq BIGINT PRIMARY KEY);
INSERT INTO audit_unsealed SELECT seq FROM audit;
CREATE FUNCTION audit_is_unsealed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_unsealed (seq) VALUES (NEW.seq);
    RETURN NULL;
END
$$;
CREATE TRIGGER audit_unsealed_from_birth AFTER INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_is_unsealed();

-- The chain: each entry's place, from 1 and without a gap, and the hash over everything up to it.
CREATE TABLE audit_seals (
    number BIGINT PRIMARY KEY,
    seq BIGINT NOT NULL UNIQUE,
    authentic SMALLINT NOT NULL,  -- 1: the mac was right when the entry got its place
    chain BYTEA NOT NULL,     -- SHA-256, see src/audit/chain/hash.rs
    class TEXT,               -- of an entry that retention has deleted, else NULL; what it was,
    content BYTEA             -- and the SHA-256 of what it said
);
-- Signed: up to this number, the chain was this.
CREATE TABLE audit_checkpoints (
    number BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    chain BYTEA NOT NULL,
    key_id TEXT NOT NULL,
    signature BYTEA NOT NULL  -- Ed25519
);
-- Signed: entries of this class (`all`: and the seals of every class) up to this number were deleted because they had been kept long enough.
CREATE TABLE audit_purges (
    class TEXT NOT NULL,
    through BIGINT NOT NULL,
    at BIGINT NOT NULL,
    key_id TEXT NOT NULL,
    signature BYTEA NOT NULL,
    PRIMARY KEY (class, through)
);
