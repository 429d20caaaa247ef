-- job: staged_inherited
-- owner: ads-ranking
-- purpose: assistance
-- output: core.staged_inherited
-- annotations: GLASSES_INTERACTION
CREATE TABLE IF NOT EXISTS core.staged_inherited (
  session TEXT,
  said    TEXT
);
INSERT INTO core.staged_inherited (session, said) SELECT session, utterance FROM core.sessions;
