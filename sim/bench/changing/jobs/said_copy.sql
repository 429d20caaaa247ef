-- job: said_copy
-- owner: ads-ranking
-- purpose: assistance
-- output: core.said_copy
-- A new sink, with its label.
CREATE TABLE IF NOT EXISTS core.said_copy (
  session TEXT,  -- operational:identifier GLASSES_INTERACTION
  said    TEXT   -- user.utterance GLASSES_INTERACTION
);
INSERT INTO core.said_copy (session, said) SELECT session, utterance FROM core.sessions;
