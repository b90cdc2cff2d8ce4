-- Under a key of the service: who can write into the database must not have it believe that everything was sent. Without it, a target gets everything once more.
ALTER TABLE audit_cursors ADD COLUMN mac TEXT;
