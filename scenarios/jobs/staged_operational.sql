-- job: staged_operational
-- owner: ads-ranking
-- purpose: assistance
-- output: core.staged_operational
CREATE TABLE IF NOT EXISTS core.staged_operational (
  session TEXT,  -- operational:identifier
  said    TEXT   -- operational:note
);
INSERT INTO core.staged_operational (session, said) SELECT session, utterance FROM core.sessions;
