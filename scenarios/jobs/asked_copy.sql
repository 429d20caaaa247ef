-- job: asked_copy
-- owner: ads-ranking
-- purpose: assistance
-- output: core.asked_copy
INSERT INTO core.asked_copy SELECT * FROM core.asked;
