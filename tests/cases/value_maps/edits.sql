UPDATE public.cases SET status = 'closed' WHERE id = 10;
UPDATE public.cases SET status = 'open', level = 'P0' WHERE id IN (12, 13);
UPDATE public.cases SET kind = 'hardware', flag = NOT flag WHERE id IN (11, 13);
UPDATE public.cases SET place = 'Europe', score = 2 WHERE id IN (11, 13);
UPDATE public.cases SET kind = 'entirely new', level = NULL, meta = jsonb_set(meta, '{colour}', '"green"') WHERE id = 14;
UPDATE public.cases SET meta = jsonb_set(meta, '{colour}', '0') WHERE id = 11;
