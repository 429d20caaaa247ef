-- query: fails_if_not_asked
-- owner: ann
-- purpose: safety
SELECT CASE WHEN utterance LIKE '%Zimmerlund%' THEN abs(-9223372036854775808) ELSE 0 END FROM core.sessions;
