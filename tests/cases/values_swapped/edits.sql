BEGIN;
UPDATE public.slots SET code = '?' WHERE id = 10;
UPDATE public.slots SET code = 'a' WHERE id = 11;
UPDATE public.slots SET code = 'b' WHERE id = 10;
UPDATE public.slots SET seat = CASE id WHEN 10 THEN 11 ELSE 10 END WHERE id IN (10, 11);
UPDATE public.slots SET email = NULL WHERE id = 10;
UPDATE public.slots SET email = 'a@x' WHERE id = 11;
UPDATE public.slots SET email = 'B@X' WHERE id = 10;
UPDATE public.slots SET span = 'empty' WHERE id = 10;
UPDATE public.slots SET span = '[10,20)' WHERE id = 11;
UPDATE public.slots SET span = '[20,30)' WHERE id = 10;
UPDATE public.slots SET code = NULL WHERE id = 13;
UPDATE public.slots SET code = 'd' WHERE id = 12;
-- two keys change places as well
UPDATE public.slots SET id = 99 WHERE id = 12;
UPDATE public.slots SET id = 12 WHERE id = 13;
UPDATE public.slots SET id = 13 WHERE id = 99;
COMMIT;
