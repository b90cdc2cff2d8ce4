-- Searches walk down one index in the order of the log, whatever else they ask (docs/decisions/0015).
DROP INDEX audit_providers;
CREATE INDEX audit_providers ON audit (provider, seq);
DROP INDEX audit_times;
CREATE INDEX audit_times ON audit (at, seq);

-- What happened how often in each hour, counted with the seals: an overview never walks through the log.
CREATE TABLE audit_hours (
    hour BIGINT NOT NULL,     -- since 1970 UTC
    kind TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,     -- of refusals, else empty
    many BIGINT NOT NULL,
    PRIMARY KEY (hour, kind, outcome, reason)
);
INSERT INTO audit_hours (hour, kind, outcome, reason, many)
    SELECT a.at / 3600000000, a.kind, a.outcome, CASE WHEN a.outcome = 'refused' THEN a.reason ELSE '' END, COUNT(*)
    FROM audit a JOIN audit_seals s ON s.seq = a.seq GROUP BY 1, 2, 3, 4;
