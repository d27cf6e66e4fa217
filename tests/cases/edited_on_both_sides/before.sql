-- One row, edited here and there in turn: lossy and many-to-one columns, values only the target has, rows that come and go.
CREATE TABLE public.all_notes (id integer PRIMARY KEY, body text, kind text, pinned boolean NOT NULL DEFAULT false, rank integer);
INSERT INTO public.all_notes VALUES (1, 'own', 'own', true, 1);
CREATE TABLE public.notes (id integer PRIMARY KEY, body text, kind text, private text);
INSERT INTO public.notes VALUES (10, 'a', 'todo', 'p1'), (11, 'b', 'task', 'p2'), (12, 'c', 'idea', NULL), (13, 'd', NULL, 'p4');
