UPDATE public.contacts SET full_name = 'Leigh, Anne', phone = '030/5678' WHERE id = 10;
UPDATE public.contacts SET born = '2000-03-01' WHERE id IN (10, 12);
UPDATE public.contacts SET meta = jsonb_set(meta, '{first}', '"ANNE|Anne"') WHERE id = 10;
UPDATE public.contacts SET meta = jsonb_set(meta, '{area}', 'null') WHERE id = 13;
UPDATE public.contacts SET city = NULL WHERE id = 1;
