-- job: assistant_features
-- owner: assistant-quality
-- purpose: assistance
-- output: feature.assistant
-- inputs: core.sessions, core.profiles
-- schedule: daily
-- Made anew each time: who takes her consent back is forgotten with the next run.
DELETE FROM feature.assistant;
INSERT INTO feature.assistant (wearer, sessions, last_place, last_asked, language, asked_at)
WITH ranked AS (
  SELECT wearer, scene, utterance, asked_at,
         count(*) OVER (PARTITION BY wearer) AS sessions,
         row_number() OVER (PARTITION BY wearer ORDER BY asked_at DESC, session DESC) AS newest
  FROM core.sessions
)
SELECT ranked.wearer, ranked.sessions, ranked.scene, ranked.utterance, profile.language, ranked.asked_at
FROM ranked
LEFT JOIN core.profiles AS profile ON profile.wearer = ranked.wearer
WHERE ranked.newest = 1;
