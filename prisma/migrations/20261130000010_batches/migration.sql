-- Commands to many devices by one request. What becomes of them is in `commands`; here is what holds for all of them.

create table batches (
  id                    uuid primary key,
  -- Position of its first command.
  seq                   bigint not null unique,
  principal             text not null,
  -- Which devices were asked for, and what they were to do.
  devices               json not null,
  "where"               text,
  name                  text not null,
  rate_per_second       double precision check (rate_per_second > 0),
  stop_at_failure_share double precision check (stop_at_failure_share between 0 and 1),
  stop_after            integer check (stop_after > 0),
  -- How many commands it has.
  accepted              integer not null check (accepted > 0),
  -- Devices that none was accepted for, and why.
  refusals              json not null,
  created_at            timestamptz(3) not null,
  -- Running, until nothing more of it is to be published because its rule or a client says so. Whether all of it is done,
  -- the commands tell.
  state                 text not null default 'running' check (state in ('running', 'stopped', 'cancelled')),
  reason                text,
  -- Once no command of it changes any more: when, and how many there are of each state.
  finished_at           timestamptz(3),
  counts                json
);

create index batches_open on batches (seq) where finished_at is null;
create index batches_finished on batches (finished_at) where finished_at is not null;
