-- job: staged_as_select
-- owner: ads-ranking
-- purpose: assistance
-- output: core.staged
CREATE TABLE core.staged AS SELECT session, utterance FROM core.sessions;
