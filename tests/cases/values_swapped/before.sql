-- Unique values that change places: plain, deferrable, partial, over an expression, NULLs not distinct, and ranges that exclude.
CREATE TABLE public.slots (
    id integer PRIMARY KEY,
    code text,
    seat integer,
    email text,
    span int4range,
    CONSTRAINT slots_code UNIQUE (code),
    CONSTRAINT slots_seat UNIQUE (seat) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT slots_span EXCLUDE USING gist (span WITH &&) WHERE (seat > 0)
);
CREATE UNIQUE INDEX slots_email ON public.slots (lower(email)) WHERE email <> '';
INSERT INTO public.slots VALUES (1, 'own', 1, 'own@x', '[0,1)');

CREATE TABLE public.bookings (
    id integer PRIMARY KEY,
    code text UNIQUE NULLS NOT DISTINCT,
    seat integer UNIQUE DEFERRABLE INITIALLY IMMEDIATE,
    email text,
    span int4range,
    EXCLUDE USING gist (span WITH &&) DEFERRABLE INITIALLY DEFERRED
);
CREATE UNIQUE INDEX ON public.bookings (upper(email)) WHERE email IS NOT NULL AND email <> '';
INSERT INTO public.bookings VALUES
    (10, 'a', 10, 'A@x', '[10,20)'), (11, 'b', 11, 'b@X', '[20,30)'), (12, NULL, -12, '', '[30,40)'), (13, 'd', NULL, '', NULL);
