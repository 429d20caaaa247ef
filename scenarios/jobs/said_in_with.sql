-- query: said
-- owner: ann
-- purpose: safety
WITH said AS (SELECT wearer, utterance FROM core.sessions) SELECT utterance FROM said;
