UPDATE public.wide SET mood = 'ok', said = 'sad', weather = 'hap''py', name = 'ten chars?', code = 'cd  ' WHERE id = 10;
UPDATE public.wide SET letters = '{x,"y z"}', amount = 1.500, share = 0.5, ratio = 0.25 WHERE id = 10;
UPDATE public.wide SET at = '2026-03-29 02:30:00.000001+00', day = 'today'::date - 'today'::date + date '1999-12-31' WHERE id = 10;
UPDATE public.wide SET ids = '[0:1]={5,6}', words = NULL, address = '10.1.0.0/16', bits = B'1010', uid = NULL WHERE id = 10;
UPDATE public.wide SET mood = 'sad', name = 'x', amount = 'NaN', ids = '{}' WHERE id IN (1, 12);
