-- job: said_as_note
-- owner: ads-ranking
-- purpose: assistance
-- output: core.said_as_note
-- A new sink, with a label that says too little.
CREATE TABLE IF NOT EXISTS core.said_as_note (
  session TEXT,  -- operational:identifier
  said    TEXT   -- operational:note
);
INSERT INTO core.said_as_note (session, said) SELECT session, utterance FROM core.sessions;
