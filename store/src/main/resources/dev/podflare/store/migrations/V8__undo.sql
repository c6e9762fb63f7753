-- How many of its last calls a sandbox can take back at most; 0: none.
alter table sandboxes add column undo integer not null default 0;

-- The same of a sandbox that is made of it.
alter table saved_machines add column undo integer not null default 0;
