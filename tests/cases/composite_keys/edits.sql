UPDATE public.ledger_lines SET no = 70, amount = 2 WHERE tenant = '' AND no = 7;
UPDATE public.ledger_lines SET amount = 0.100 WHERE tenant = 'b' AND no = 2;
UPDATE public.ledger_lines SET amount = amount + 1, corrects = NULL WHERE tenant = 'a';
-- the same key again is the same row
DELETE FROM public.receipts WHERE id = 2;
DELETE FROM public.ledger_lines WHERE tenant = 'c';
INSERT INTO public.ledger_lines VALUES ('c', 2, '-Infinity', NULL);
INSERT INTO public.receipts VALUES (6, 2, 'c');
