UPDATE public.people SET login = 'anna' WHERE login = 'bob';
INSERT INTO public.people VALUES ('dee', 'Dee', 'anna', NULL);
UPDATE public.teams SET lead = 'dee' WHERE team_no = 2;
