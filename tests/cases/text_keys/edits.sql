UPDATE public.labels SET name = 'tag:b', colour = NULL WHERE name = 'tag:a';
UPDATE public.labels SET name = E'tag:line\r\nbreak' WHERE name = E'tag:line\nbreak';
UPDATE public.labels SET name = 'scarlet' WHERE name = 'red';
-- two keys change places in one transaction
BEGIN;
UPDATE public.labels SET name = 'tag:?' WHERE name = 'tag:A';
UPDATE public.labels SET name = 'tag:A' WHERE name = 'tag: ';
UPDATE public.labels SET name = 'tag: ' WHERE name = 'tag:?';
COMMIT;
DELETE FROM public.labels WHERE name LIKE 'tag:%DROP%';
