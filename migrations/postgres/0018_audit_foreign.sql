-- Signed: rows of the chain that the service did not write (docs/decisions/0028).
CREATE TABLE audit_foreign (
    number BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    what TEXT NOT NULL CHECK (what IN ('entry', 'seal')), -- entry: keeps its number, and is not ours; seal: was taken out of the chain
    chain BYTEA NOT NULL,
    at BIGINT NOT NULL,
    key_id TEXT NOT NULL,
    signature BYTEA NOT NULL,
    PRIMARY KEY (number, what, at)
);
CREATE TRIGGER audit_foreign_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_foreign
FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

-- A seal follows another one, or a checkpoint whose seal retention has deleted. Others are left out, as by ON CONFLICT DO NOTHING.
CREATE FUNCTION audit_seal_is_next() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM audit_seals s WHERE s.number = NEW.number - 1)
        OR EXISTS (SELECT 1 FROM audit_checkpoints c WHERE c.number = NEW.number - 1)
        OR (NEW.number = 1 AND NOT EXISTS (SELECT 1 FROM audit_checkpoints)) THEN
        RETURN NEW;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER audit_seals_in_order BEFORE INSERT ON audit_seals FOR EACH ROW EXECUTE FUNCTION audit_seal_is_next();

-- A seal that is listed as foreign may be taken out.
CREATE OR REPLACE FUNCTION audit_seal_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.class IS NOT NULL OR OLD.content IS NOT NULL OR NEW.number <> OLD.number OR NEW.seq <> OLD.seq OR NEW.authentic <> OLD.authentic
            OR NEW.chain <> OLD.chain OR NOT EXISTS (SELECT 1 FROM audit_purges p WHERE p.class = NEW.class AND p.through >= OLD.number) THEN
            RAISE EXCEPTION 'the audit log is append-only';
        END IF;
        RETURN NEW;
    END IF;
    IF EXISTS (SELECT 1 FROM audit_foreign f WHERE f.what = 'seal' AND f.number = OLD.number AND f.seq = OLD.seq) THEN
        RETURN OLD;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM audit_purges p WHERE p.class = 'all' AND p.through >= OLD.number)
        OR EXISTS (SELECT 1 FROM audit a WHERE a.seq = OLD.seq) THEN
        RAISE EXCEPTION 'the audit log is append-only';
    END IF;
    RETURN OLD;
END
$$;
