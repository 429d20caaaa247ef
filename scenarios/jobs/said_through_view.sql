-- query: said
-- owner: ann
-- purpose: safety
SELECT utterance FROM core.said;
