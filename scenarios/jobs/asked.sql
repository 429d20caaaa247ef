-- job: asked
-- owner: assistant-quality
-- purpose: assistance
-- output: core.asked
-- inputs: core.sessions
CREATE TABLE IF NOT EXISTS core.asked (
  session TEXT PRIMARY KEY,  -- operational:identifier
  region  TEXT               -- operational:region
);
CREATE TABLE IF NOT EXISTS core.asked_copy (
  session TEXT,  -- operational:identifier
  region  TEXT   -- operational:region
);
CREATE TABLE IF NOT EXISTS core.asked_kept (
  session TEXT,  -- operational:identifier GLASSES_INTERACTION
  region  TEXT   -- operational:region GLASSES_INTERACTION
);
INSERT OR IGNORE INTO core.asked (session, region)
SELECT session, region FROM core.sessions;
