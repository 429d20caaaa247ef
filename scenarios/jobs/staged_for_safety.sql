-- query: staged_for_safety
-- owner: ann
-- purpose: safety
SELECT said FROM core.staged_inherited;
