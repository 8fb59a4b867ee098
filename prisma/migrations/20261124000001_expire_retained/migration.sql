-- Retained messages that end by their Message Expiry Interval are found by it. Few topics have one, and rows without
-- are not in the index, so that their updates stay HOT.
create index topic_state_expiry on topic_state (expires_at) where expires_at is not null;
