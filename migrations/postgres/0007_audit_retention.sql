-- Nothing of the log is changed or deleted, but for what a signed purge covers.

DROP TRIGGER audit_no_change ON audit;
CREATE TRIGGER audit_no_change BEFORE UPDATE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
CREATE FUNCTION audit_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM audit_seals s JOIN audit_purges p ON p.class = s.class AND p.through >= s.number
        WHERE s.seq = OLD.seq AND s.content IS NOT NULL) THEN
        RAISE EXCEPTION 'the audit log is append-only';
    END IF;
    RETURN OLD;
END
$$;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_is_kept();

-- A seal takes up once what its entry was, when retention deletes that.
CREATE FUNCTION audit_seal_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.class IS NOT NULL OR OLD.content IS NOT NULL OR NEW.number <> OLD.number OR NEW.seq <> OLD.seq OR NEW.authentic <> OLD.authentic
            OR NEW.chain <> OLD.chain OR NOT EXISTS (SELECT 1 FROM audit_purges p WHERE p.class = NEW.class AND p.through >= OLD.number) THEN
            RAISE EXCEPTION 'the audit log is append-only';
        END IF;
        RETURN NEW;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM audit_purges p WHERE p.class = 'all' AND p.through >= OLD.number)
        OR EXISTS (SELECT 1 FROM audit a WHERE a.seq = OLD.seq) THEN
        RAISE EXCEPTION 'the audit log is append-only';
    END IF;
    RETURN OLD;
END
$$;
CREATE TRIGGER audit_seals_no_change BEFORE UPDATE OR DELETE ON audit_seals FOR EACH ROW EXECUTE FUNCTION audit_seal_is_kept();
CREATE TRIGGER audit_seals_no_truncate BEFORE TRUNCATE ON audit_seals FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_checkpoints_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoints FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_purges_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_purges FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

-- The key of a CPR number may be changed; the number goes with its entry.
CREATE FUNCTION audit_cpr_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.seq <> OLD.seq OR NEW.party <> OLD.party THEN
            RAISE EXCEPTION 'the audit log is append-only';
        END IF;
        RETURN NEW;
    END IF;
    IF EXISTS (SELECT 1 FROM audit a WHERE a.seq = OLD.seq) THEN
        RAISE EXCEPTION 'the audit log is append-only';
    END IF;
    RETURN OLD;
END
$$;
CREATE TRIGGER audit_cpr_no_change BEFORE UPDATE OR DELETE ON audit_cpr FOR EACH ROW EXECUTE FUNCTION audit_cpr_is_kept();
CREATE TRIGGER audit_cpr_no_truncate BEFORE TRUNCATE ON audit_cpr FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
CREATE INDEX audit_cpr_keys ON audit_cpr (key_id, seq);

-- An entry that waits is not deleted but by getting its place.
CREATE FUNCTION audit_waits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (SELECT 1 FROM audit_seals s WHERE s.seq = OLD.seq) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the audit log is append-only';
END
$$;
CREATE TRIGGER audit_unsealed_no_change BEFORE UPDATE OR DELETE ON audit_unsealed FOR EACH ROW EXECUTE FUNCTION audit_waits();
CREATE TRIGGER audit_unsealed_no_truncate BEFORE TRUNCATE ON audit_unsealed FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

CREATE INDEX audit_kinds ON audit (kind, seq);
