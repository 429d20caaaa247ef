-- job: staged_temporary
-- owner: ads-ranking
-- purpose: assistance
-- output: core.staged
CREATE TEMP TABLE staged AS SELECT session, utterance FROM core.sessions;
INSERT INTO ml.training_set (ds, session, utterance, answer, _key) SELECT '', session, utterance, '', '' FROM staged;
