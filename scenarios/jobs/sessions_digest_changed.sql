-- job: sessions_digest
-- owner: assistant-quality
-- purpose: assistance
-- output: core.sessions_digest
-- The header is as it was; the note is now what the wearer said.
CREATE TABLE IF NOT EXISTS core.sessions_digest (
  session TEXT,  -- operational:identifier
  note    TEXT   -- operational:note
);
INSERT INTO core.sessions_digest (session, note) SELECT session, utterance FROM core.sessions;
