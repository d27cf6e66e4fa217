UPDATE public.tickets SET status = 'closed' WHERE id IN (100, 200, 300);
UPDATE public.tickets SET title = title || '!' WHERE id IN (101, 201, 301);
UPDATE public.tickets SET meta = jsonb_set(meta, '{wish.v1,rest,votes}', '4') WHERE id = 200;
UPDATE public.tickets SET meta = jsonb_set(meta, '{wish.v1,rest,doc}', '"{ \"x\":1 }"') WHERE id = 201;
UPDATE public.tickets SET meta = jsonb_set(meta, '{wish.v1,rest,tags}', '["z", null]') WHERE id = 202;
UPDATE public.tickets SET meta = meta || '{"seen": "by a person", "more": [1]}' WHERE id = 300;
DELETE FROM public.links WHERE bug = 101;
DELETE FROM public.tickets WHERE id = 202;
