-- job: branch_case_kept
-- owner: assistant-quality
-- purpose: assistance
-- output: core.branch_case_kept
CREATE TABLE IF NOT EXISTS core.branch_case_kept (
  name TEXT,    -- operational:identifier GLASSES_INTERACTION
  rank INTEGER  -- operational:score GLASSES_INTERACTION
);
INSERT INTO core.branch_case_kept (name, rank)
SELECT session, CASE WHEN utterance LIKE '%building%' THEN 1 ELSE 0 END
FROM core.sessions;
