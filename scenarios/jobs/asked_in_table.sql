-- query: asked_in_table
-- owner: ann
-- purpose: safety
-- parameters: source
SELECT count(*) FROM :source;
