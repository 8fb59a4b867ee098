-- What a command waits for, when it is to be published and how; and what became of it.

alter table commands drop constraint commands_state_check;
alter table commands drop constraint commands_awaits_check;

alter table commands
  add constraint commands_state_check check (state in ('scheduled', 'pending', 'publishing', 'published', 'succeeded',
    'failed', 'timedOut', 'undeliverable', 'refused', 'expired', 'cancelled', 'unknown')),
  add constraint commands_awaits_check check (awaits in ('none', 'response', 'effect')),
  add column device          text,
  add column name            text,
  -- What the client gave, where that is not the payload: parameters, from which a retry is made anew.
  add column parameters      bytea,
  add column delivery        text not null default 'atLeastOnce' check (delivery in ('atLeastOnce', 'atMostOnce')),
  -- Commands of the same key are published in the order of their acceptance. Null: the topic is the key.
  add column order_key       text,
  -- No other of its key is published until it is final.
  add column one_in_flight   boolean not null default false,
  add column not_before      timestamptz(3),
  add column timeout_seconds integer,
  add column timeout_at      timestamptz(3),
  -- Its first transition to publishing: what came up to there is no answer to it.
  add column publish_seq     bigint,
  add column awaited         json,
  add column condition       json,
  add column retry_of        uuid,
  add column response        json,
  add column late_response   json,
  add column effect_seq      bigint,
  add column reason          text,
  -- Its place among those of its key: that of its acceptance, or of when it came due.
  add column queue_seq       bigint;

update commands set queue_seq = created_seq;
alter table commands alter column queue_seq set not null;

-- The key's hash: keys may be longer than an index takes. Two keys of one hash keep one order, which harms neither.
drop index commands_open;
create index commands_queue on commands (queue_seq) where state = 'pending';
create index commands_keys on commands (hashtextextended(coalesce(order_key, topic), 0), queue_seq) where state = 'pending';
create index commands_alone on commands (hashtextextended(coalesce(order_key, topic), 0))
  where one_in_flight and state = 'published' and finished_at is null;
create index commands_publishing on commands (id) where state = 'publishing';
create index commands_unfinished on commands (created_seq) where finished_at is null;
create index commands_scheduled on commands (not_before) where state = 'scheduled';
create index commands_expiring on commands (expires_at) where state in ('scheduled', 'pending');
create index commands_awaiting on commands (timeout_at) where state = 'published' and finished_at is null;
create index commands_awaited on commands (finished_at) where awaited is not null;
create index commands_device on commands (device, created_seq) where device is not null;
create index commands_batch on commands (batch_id, created_seq) where batch_id is not null;
create index commands_retries on commands (retry_of, created_seq) where retry_of is not null;
create index commands_topic on commands using hash (topic);

-- How far the journal, and what is projected of it, has been searched for answers.
create table answers_read (
  shard smallint primary key default 0 check (shard = 0),
  seq   bigint not null
);

insert into answers_read (seq) select seq from journal_head where shard = 0;
