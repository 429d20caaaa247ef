-- job: session_profiles
-- owner: assistant-quality
-- purpose: assistance
-- output: core.session_profiles
-- inputs: core.daily_sessions, core.profiles
-- schedule: daily
-- parameters: ds
DELETE FROM core.session_profiles WHERE ds = :ds;
INSERT INTO core.session_profiles (ds, session, wearer, utterance, language, _key)
SELECT asked.ds, asked.session, asked.wearer, asked.utterance, profile.language, asked._key
FROM core.daily_sessions AS asked
JOIN core.profiles AS profile ON profile.wearer = asked.wearer
WHERE asked.ds = :ds;
