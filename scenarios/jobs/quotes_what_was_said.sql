-- query: quotes_what_was_said
-- owner: ann
-- purpose: safety
SELECT json_extract('{}', utterance) FROM core.sessions;
