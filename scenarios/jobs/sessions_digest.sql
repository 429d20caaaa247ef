-- job: sessions_digest
-- owner: assistant-quality
-- purpose: assistance
-- output: core.sessions_digest
CREATE TABLE IF NOT EXISTS core.sessions_digest (
  session TEXT,  -- operational:identifier
  note    TEXT   -- operational:note
);
INSERT INTO core.sessions_digest (session, note) SELECT session, region FROM core.sessions;
