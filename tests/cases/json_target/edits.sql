UPDATE public.docs SET raw = '{"title":"A.B",   "views.all": 2, "kind": "page", "new": {"deep": 1}}' WHERE id = 10;
-- a missing path is no edit: the column keeps its value, and the path is missing again after the next fold
UPDATE public.docs SET meta = '{"page": {"draft": true}}' WHERE id = 11;
UPDATE public.docs SET raw = '{}', meta = '{}' WHERE id = 12;
-- JSON null is: the column is NULL then
UPDATE public.docs SET meta = jsonb_set(meta, '{page,attributes}', 'null') WHERE id = 13;
UPDATE public.docs SET raw = NULL, meta = meta || '{"count": 7}' WHERE id = 14;
UPDATE public.docs SET meta = '{}' WHERE id = 2;
