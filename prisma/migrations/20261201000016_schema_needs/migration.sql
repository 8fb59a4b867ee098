-- Which services may use this database: one that lacks a migration that is named here does not know what later ones took away.
create table schema_needs (
  migration text primary key,
  -- The first that has it, for people.
  version   text not null
);
