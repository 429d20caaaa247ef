-- job: asked_by_hour
-- owner: assistant-quality
-- purpose: assistance
-- output: core.asked_by_hour
-- schedule: stream
-- window: 60m on core.sessions.asked_at
-- parameters: window_start, window_end
-- annotations: GLASSES_INTERACTION
CREATE TABLE IF NOT EXISTS core.asked_by_hour (
  hour     TEXT NOT NULL,
  region   TEXT NOT NULL,
  sessions INTEGER NOT NULL,
  PRIMARY KEY (hour, region)
);
DELETE FROM core.asked_by_hour WHERE hour = :window_start;
INSERT INTO core.asked_by_hour (hour, region, sessions)
SELECT :window_start, region, count(*)
FROM core.sessions
WHERE datetime(asked_at) >= datetime(:window_start) AND datetime(asked_at) < datetime(:window_end)
GROUP BY region;
