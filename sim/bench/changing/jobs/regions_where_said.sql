-- job: regions_where_said
-- owner: assistant-quality
-- purpose: assistance
-- output: core.regions_where_said
-- Which rows are kept depends on what was said, in form: no utterance is shorter than nothing.
CREATE TABLE IF NOT EXISTS core.regions_where_said (
  region TEXT  -- operational:region
);
INSERT INTO core.regions_where_said (region) SELECT region FROM core.sessions WHERE length(utterance) >= 0;
