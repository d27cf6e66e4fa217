INSERT INTO public.invoices (what) VALUES ('own too');
UPDATE public.invoices SET number = 99999, what = 'changed' WHERE what = 'second';
UPDATE public.invoices SET id = 1 WHERE what = 'first';
UPDATE public.invoices SET what = 'D-7' WHERE what = 'D-1';
