-- Gaps are rare, and asked for by those who worry: found without looking through everything between them.
create index journal_gaps on journal (seq) where kind = 7;
