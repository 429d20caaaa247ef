-- job: landmark_popularity
-- owner: assistant-quality
-- purpose: assistance
-- output: core.landmark_popularity
-- inputs: core.sessions
-- schedule: daily
-- parameters: ds
DELETE FROM core.landmark_popularity WHERE ds = :ds;
INSERT INTO core.landmark_popularity (ds, scene, sessions, place)
WITH asked AS (
  SELECT substr(asked_at, 1, 10) AS ds, scene, count(*) AS sessions
  FROM core.sessions
  WHERE substr(asked_at, 1, 10) = :ds AND scene IS NOT NULL
  GROUP BY substr(asked_at, 1, 10), scene
)
SELECT ds, scene, sessions, rank() OVER (PARTITION BY ds ORDER BY sessions DESC, scene)
FROM asked;
