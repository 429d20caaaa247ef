-- job: view_of_sessions
-- owner: ads-ranking
-- purpose: assistance
-- output: core.said
CREATE VIEW core.said AS SELECT wearer, utterance FROM core.sessions;
SELECT utterance FROM core.said;
