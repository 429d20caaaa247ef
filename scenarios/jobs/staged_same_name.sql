-- job: staged_same_name
-- owner: ads-ranking
-- purpose: assistance
-- output: core.Sessions
-- To SQLite this is the table core.sessions; to whoever compares names letter by letter it is a new one,
-- in which an utterance is a note.
CREATE TABLE IF NOT EXISTS core.Sessions (
  utterance TEXT  -- operational:note
);
SELECT utterance FROM core.Sessions;
