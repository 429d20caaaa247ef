-- job: safety_reviews
-- owner: assistant-safety
-- purpose: safety
-- output: safety.reviews
-- inputs: core.daily_sessions
-- schedule: daily
-- parameters: ds
DELETE FROM safety.reviews WHERE ds = :ds;
INSERT INTO safety.reviews (ds, session, utterance, answer, reason, _key)
SELECT ds, session, utterance, answer,
       CASE WHEN lower(utterance) LIKE '%who is that%' THEN 'identifies a bystander'
            WHEN lower(utterance) LIKE '%break%' OR lower(utterance) LIKE '%weapon%' THEN 'may do harm'
            ELSE 'an empty answer' END,
       _key
FROM core.daily_sessions
WHERE ds = :ds
  AND (lower(utterance) LIKE '%who is that%' OR lower(utterance) LIKE '%break%'
       OR lower(utterance) LIKE '%weapon%' OR length(answer) = 0);
