-- The daemon that has a sandbox's machine, or had it last; several may share one database. Rows of
-- before have none, and are taken over by the first daemon that opens the database.
alter table sandboxes add column node text not null default '';
create index sandboxes_node on sandboxes (node) where closed_at is null;

-- The daemon that works on the request, or did.
alter table idempotent_answers add column node text not null default '';

-- One row, also where two daemons open a new database at once.
alter table identity add column only_one integer not null default 1;
create unique index identity_only_one on identity (only_one);

-- Each change in a PostgreSQL leaves a mark for a while, by which its daemon knows that it took place
-- even if the answer to the commit is lost.
create table write_marks (
  id      text primary key,
  made_at bigint not null
);

create index write_marks_age on write_marks (made_at);
