-- One rank per question, labelled as what decides it; owner: feed-ranking
CREATE TABLE core.ranks_kept (
  session TEXT NOT NULL PRIMARY KEY,  -- operational:identifier
  rank    INTEGER NOT NULL,           -- operational:score GLASSES_INTERACTION
  _key    TEXT NOT NULL               -- operational:correlation_key
);
