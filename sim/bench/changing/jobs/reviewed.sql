-- query: reviewed
-- owner: assistant-safety
-- purpose: safety
SELECT utterance FROM core.sessions;
