-- Commands with a condition: the topic is reserved for one of them until its message has come back.

create table topic_reservations (
  -- SHA-256 of the topic's name, as in topics.
  topic_hash bytea          primary key,
  command_id uuid           not null unique references commands (id) on update no action on delete cascade,
  -- Then others may try, whatever became of it.
  until      timestamptz(3) not null
);

-- A topic may have 65,535 bytes, a btree key 2,704.
create index commands_open_to_topic on commands (hashtextextended(topic, 0)) where finished_at is null;
create index commands_sent_to_topic on commands (hashtextextended(topic, 0), (coalesce(published_at, finished_at)))
  where publish_seq is not null;

-- Whether the message of a command has come back to us: it is of the same topic, newer and the same bytes, and names the
-- command, or (MQTT 3.1.1 carries no names) none. Kinds: message, snapshot, cleared.
create function command_came_back(topic bigint, id uuid, publish_seq bigint, payload bytea) returns boolean
language sql stable as $$
  select exists (
    select from journal j
    where j.topic_id = topic and j.seq > publish_seq and j.kind in (1, 2, 3) and j.payload = command_came_back.payload
      and (coalesce(position('"rialto-command-id"' in j.properties::text), 0) = 0
        or position('"rialto-command-id","' || id || '"' in j.properties::text) > 0))
$$;

-- Whether a command with this condition may be accepted now. Volatile: each statement in it sees what was committed before
-- it began, so that a caller who has locked journal_head is told of all that was appended, and not of what was there when
-- the caller's own statement began.
create function condition_met(hash bytea, condition json) returns boolean
language plpgsql volatile as $$
declare
  state record;
begin
  select s.topic_id, s.seq, s.retained_seq into state
  from topics t join topic_state s on s.topic_id = t.id
  where t.name_hash = hash and s.seq > 0;
  if exists (
    select from topic_reservations r join commands c on c.id = r.command_id
    where r.topic_hash = hash and r.until > clock_timestamp()
      -- It never was at the broker
      and not (c.finished_at is not null and (c.publish_seq is null or (c.state = 'refused' and c.attempts <= 1)))
      and (c.publish_seq is null or state.topic_id is null
        or not command_came_back(state.topic_id, c.id, c.publish_seq, c.payload))
  ) then
    return false;
  end if;
  return case
    when condition ->> 'seq' is not null then coalesce(state.seq = (condition ->> 'seq')::bigint, false)
    else (state.retained_seq is not null) = (condition ->> 'retained')::boolean
  end;
end
$$;
