UPDATE public.one SET plain = 'changed' WHERE id = 11;
UPDATE public.one SET all_of_it = jsonb_set(all_of_it, '{types,n}', '2.50') WHERE id = 10;
UPDATE public.one SET all_of_it = jsonb_set(all_of_it, '{types,a1}', '[1, null]') WHERE id = 10;
UPDATE public.one SET all_of_it = jsonb_set(all_of_it, '{types,jb}', '"null"') WHERE id = 11;
UPDATE public.one SET all_of_it = jsonb_set(all_of_it, '{types,iv}', '"1 day"') WHERE id = 11;
UPDATE public.one SET all_of_it = jsonb_set(all_of_it, '{types,pr}', '{"a": null, "b c": "x"}') WHERE id = 11;
