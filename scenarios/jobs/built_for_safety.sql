-- query: built_for_safety
-- owner: ann
-- purpose: safety
SELECT region FROM core.sessions WHERE region = '' UNION ALL SELECT utterance FROM core.sessions --';
