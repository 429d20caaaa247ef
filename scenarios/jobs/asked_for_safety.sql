-- query: asked_for_safety
-- owner: assistant-safety
-- purpose: safety
SELECT session, utterance FROM core.sessions;
