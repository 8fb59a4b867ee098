-- Who changed or commanded what, from where; and how it is looked for.

-- Of the client. Null: not known, as of entries from before.
alter table audit add column address text;

create index audit_at on audit (at, id);
create index audit_principal on audit (principal, id);
create index audit_action on audit (action, id);
create index audit_subject on audit (subject, id);
