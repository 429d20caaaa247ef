-- query: asked_in_region
-- owner: ann
-- purpose: safety
-- parameters: region
SELECT utterance FROM core.sessions WHERE region = :region;
