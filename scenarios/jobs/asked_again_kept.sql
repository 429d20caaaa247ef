-- job: asked_again_kept
-- owner: assistant-quality
-- purpose: assistance
-- output: core.asked_again_kept
CREATE TABLE IF NOT EXISTS core.asked_again_kept (
  region TEXT,    -- operational:region GLASSES_INTERACTION
  times  INTEGER  -- operational:count GLASSES_INTERACTION
);
INSERT INTO core.asked_again_kept (region, times)
SELECT one.region, 1
FROM core.sessions AS one
JOIN core.sessions AS other ON other.wearer = one.wearer AND other.session <> one.session;
