BEGIN;
UPDATE public.bookings SET code = '?' WHERE id = 10;
UPDATE public.bookings SET code = 'b', span = '[1,2)' WHERE id = 11;
UPDATE public.bookings SET code = 'a', span = '[2,3)' WHERE id = 10;
SET CONSTRAINTS ALL DEFERRED;
UPDATE public.bookings SET seat = CASE seat WHEN 10 THEN 11 ELSE 10 END WHERE seat IN (10, 11);
COMMIT;
