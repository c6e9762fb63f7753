-- Secrets that the gate puts into requests, as the engine writes them: JSON with sealed values.
alter table sandboxes add column secrets text not null default '[]';

-- Those of a sandbox that is made of it.
alter table saved_machines add column secrets text not null default '[]';
