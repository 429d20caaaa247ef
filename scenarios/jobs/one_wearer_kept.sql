-- job: one_wearer_kept
-- owner: assistant-quality
-- purpose: assistance
-- output: core.one_wearer_kept
CREATE TABLE IF NOT EXISTS core.one_wearer_kept (
  region TEXT,    -- operational:region GLASSES_INTERACTION
  times  INTEGER  -- operational:count GLASSES_INTERACTION
);
INSERT INTO core.one_wearer_kept (region, times)
SELECT min(region), count(*)
FROM core.sessions
GROUP BY wearer;
