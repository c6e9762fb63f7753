alter table sandboxes add column network text not null default '{"default":"allow","dns":"on"}';
update sandboxes set network = '{"default":"deny","dns":"off"}' where egress = 0;
alter table sandboxes drop column egress;
