-- Classes of retention are made and changed while the service runs, and each has a horizon of its own.
-- What a row of each table means is written at its model in schema.prisma.

alter table retention_classes
  add column filters      json not null default '[]',
  add column past_filters json default '[]',
  add column changed_seq  bigint not null default 0,
  add column position     smallint not null default 0,
  add column horizon      bigint not null default 0,
  add column horizon_at   timestamptz(3),
  add column removed      boolean not null default false;

-- As RIALTO_RETENTION said where nobody set it: what is there now is as it was set.
update retention_classes set keep_bytes = 10000000000 where id = 1 and keep_bytes = 10737418240;

-- What was dropped before was of the default class, or of the system's.
update retention_classes set horizon = (select horizon from journal_head where shard = 0) where id in (0, 1);

alter table topics add column class_seq bigint not null default 0;

-- Topics behind this one are still to be put in their classes; null: all are.
alter table journal_head add column class_topic_id bigint;

-- Datapoints are dropped with the messages that they are from: by projection, then by class, then by seq. Tables that are
-- there become those of the default class, as they are; only their primary keys are built anew.
alter table datapoints drop constraint datapoints_pkey;
alter table datapoints add column retention_class smallint not null default 1;
alter table datapoints alter column retention_class drop default;

do $$
declare
  projection integer;
begin
  for projection in
    select substring(c.relname from '\d+$')::integer from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'datapoints'::regclass and c.relkind = 'p'
  loop
    execute format('alter table datapoints detach partition datapoints_%s', projection);
    execute format('alter table datapoints_%s rename to datapoints_%s_1', projection, projection);
    execute format('create table datapoints_%s partition of datapoints for values in (%s) partition by list (retention_class)',
      projection, projection);
    execute format('alter table datapoints_%s attach partition datapoints_%s_1 for values in (1)', projection, projection);
  end loop;
end $$;

alter table datapoints add primary key (seq, n, projection_id, retention_class);
