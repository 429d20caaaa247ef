-- job: staged_none
-- owner: ads-ranking
-- purpose: assistance
-- output: core.staged_none
CREATE TABLE IF NOT EXISTS core.staged_none (
  session TEXT,
  said    TEXT
);
INSERT INTO core.staged_none (session, said) SELECT session, utterance FROM core.sessions;
