-- query: fails_if_asked
-- owner: ann
-- purpose: safety
SELECT CASE WHEN utterance LIKE '%Quastenberg%' THEN abs(-9223372036854775808) ELSE 0 END FROM core.sessions;
