UPDATE public.things SET title = 'ten!', severity = 'low', code = 'LEGACY-y' WHERE id = 10;
UPDATE public.things SET meta = jsonb_set(meta, '{note}', '"n2"') WHERE id = 11;
UPDATE public.things SET title = 'two!' WHERE id = 2;
DELETE FROM public.things WHERE id = 12;
INSERT INTO public.things VALUES (13, 'thirteen', 'unheard of', NULL, NULL);
