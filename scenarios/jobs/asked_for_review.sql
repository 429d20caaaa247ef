-- query: asked_for_review
-- owner: assistant-safety
-- purpose: safety
SELECT session, utterance FROM core.sessions;
