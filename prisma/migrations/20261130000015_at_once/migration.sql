-- Whether a command of this key may be published as soon as it is stored: no other waits, and none that is to be alone is
-- awaited. Volatile: it sees what was committed before it began, so that a caller who has locked journal_head is told of all
-- that was appended. Without sequential scans, since its plan may be made while there are few commands, and used when there
-- are many.
create function command_may_go(key text) returns boolean
language plpgsql volatile set enable_seqscan = off as $$
begin
  return not exists (
    select from commands c
    where c.state = 'pending' and hashtextextended(coalesce(c.order_key, c.topic), 0) = hashtextextended(key, 0)
  ) and not exists (
    select from commands c
    where c.one_in_flight and c.state = 'published' and c.finished_at is null
      and hashtextextended(coalesce(c.order_key, c.topic), 0) = hashtextextended(key, 0)
  );
end
$$;

-- Many commands go to the same topic: a hash index keeps those in one chain, and each that is added walks along it.
drop index commands_topic;
create index commands_topic on commands (hashtextextended(topic, 0), created_seq);
