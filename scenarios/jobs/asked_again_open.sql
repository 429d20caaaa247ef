-- job: asked_again_open
-- owner: ads-ranking
-- purpose: assistance
-- output: core.asked_again_open
CREATE TABLE IF NOT EXISTS core.asked_again_open (
  region TEXT,    -- operational:region
  times  INTEGER  -- operational:count
);
INSERT INTO core.asked_again_open (region, times)
SELECT one.region, 1
FROM core.sessions AS one
JOIN core.sessions AS other ON other.wearer = one.wearer AND other.session <> one.session;
