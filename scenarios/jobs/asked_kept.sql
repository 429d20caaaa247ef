-- job: asked_kept
-- owner: assistant-quality
-- purpose: assistance
-- output: core.asked_kept
INSERT INTO core.asked_kept SELECT * FROM core.asked;
