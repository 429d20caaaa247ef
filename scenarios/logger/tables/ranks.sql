-- One rank per question; owner: feed-ranking
CREATE TABLE core.ranks (
  session TEXT NOT NULL PRIMARY KEY,  -- operational:identifier
  rank    INTEGER NOT NULL,           -- operational:score
  _key    TEXT NOT NULL               -- operational:correlation_key
);
