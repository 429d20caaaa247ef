-- job: branch_case_open
-- owner: feed-ranking
-- purpose: assistance
-- output: core.branch_case_open
CREATE TABLE IF NOT EXISTS core.branch_case_open (
  name TEXT,    -- operational:identifier
  rank INTEGER  -- operational:score
);
INSERT INTO core.branch_case_open (name, rank)
SELECT session, CASE WHEN utterance LIKE '%building%' THEN 1 ELSE 0 END
FROM core.sessions;
