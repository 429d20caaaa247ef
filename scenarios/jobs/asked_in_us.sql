-- query: asked_in_us
-- owner: assistant-quality
-- purpose: assistance
-- region: US
SELECT session, utterance FROM core.sessions;
