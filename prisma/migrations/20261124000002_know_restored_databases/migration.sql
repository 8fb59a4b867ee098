-- The journals that this database has been, so that a restored one is known, and cursors of its lost future with it.

create table journals (
  number    integer primary key,
  id        uuid not null unique,
  began_seq bigint not null,
  began_at  timestamptz(3) not null,
  marker    text
);

insert into journals select 1, journal_id, 0, at, null from journal_head where shard = 0;

-- What was open when the backup was made may have been published since: nobody knows.
alter table commands drop constraint commands_state_check;
alter table commands add constraint commands_state_check check (state in ('pending', 'publishing', 'published',
  'undeliverable', 'refused', 'expired', 'cancelled', 'unknown'));
