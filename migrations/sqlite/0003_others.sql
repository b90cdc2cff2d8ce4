-- Acting for others: why somebody may, and what a helper says of it.
ALTER TABLE audit ADD COLUMN authority TEXT;
ALTER TABLE audit ADD COLUMN note TEXT;
ALTER TABLE audit ADD COLUMN ticket TEXT;
