-- query: reads_and_discards
-- owner: bo
-- purpose: safety
-- Who reads and keeps nothing has used it all the same.
SELECT NULL FROM core.sessions WHERE length(utterance) > 0;
