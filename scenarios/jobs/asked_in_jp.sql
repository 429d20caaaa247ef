-- query: asked_in_jp
-- owner: assistant-quality
-- purpose: assistance
-- region: JP
SELECT session, utterance FROM core.sessions;
