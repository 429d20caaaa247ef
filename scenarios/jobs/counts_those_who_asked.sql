-- query: counts_those_who_asked
-- owner: ann
-- purpose: safety
SELECT session FROM core.sessions WHERE utterance LIKE '%Quastenberg%';
