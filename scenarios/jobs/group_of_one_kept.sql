-- job: group_of_one_kept
-- owner: assistant-quality
-- purpose: assistance
-- output: core.group_of_one_kept
CREATE TABLE IF NOT EXISTS core.group_of_one_kept (
  region TEXT,    -- operational:region GLASSES_INTERACTION
  times  INTEGER  -- operational:count GLASSES_INTERACTION
);
INSERT INTO core.group_of_one_kept (region, times)
SELECT '', count(*)
FROM core.sessions
WHERE wearer = 'w-0001';
