INSERT INTO public.bills (what) VALUES ('third');
INSERT INTO public.debts DEFAULT VALUES;
INSERT INTO public.invoices (what) VALUES ('own again');
