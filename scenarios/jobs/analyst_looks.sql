-- query: analyst_looks
-- owner: ann
-- purpose: safety
SELECT wearer, utterance FROM core.sessions ORDER BY asked_at;
