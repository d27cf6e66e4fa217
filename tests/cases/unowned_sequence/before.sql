-- Sequences that no column owns: one that target and source draw from, and one that a text key is made of.
CREATE SEQUENCE public.all_ids;
CREATE TABLE public.parcels (id bigint PRIMARY KEY DEFAULT nextval('public.all_ids'), note text);
CREATE TABLE public.letters (id bigint PRIMARY KEY DEFAULT nextval('public.all_ids'), note text, stamp integer);
INSERT INTO public.parcels (note) VALUES ('own');
INSERT INTO public.letters (note) VALUES ('one'), ('two');
-- by hand, beyond what was drawn
INSERT INTO public.letters VALUES (5, 'five'), (6, 'six');

CREATE SEQUENCE public.tracks;
CREATE TABLE public.tracked (
    track text PRIMARY KEY DEFAULT 'T' || lpad(nextval('public.tracks')::text, 4, '0'),
    letter bigint REFERENCES public.letters
);
ALTER SEQUENCE public.tracks OWNED BY public.tracked.track;
INSERT INTO public.tracked (letter) VALUES (5), (2);
