-- job: daily_sessions
-- owner: assistant-quality
-- purpose: assistance
-- output: core.daily_sessions
-- schedule: daily
-- The header is as it was; the answer is not the answer any more.
INSERT OR REPLACE INTO core.daily_sessions (ds, session, wearer, utterance, answer, region, _key)
SELECT substr(asked_at, 1, 10), session, wearer, utterance, answer || ' at ' || coalesce(location, ''), region, _key
FROM core.sessions;
