-- A source that must be empty, and one without a rule for its columns; both leave, with what hangs on them, and come back.
CREATE TABLE public.files (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), path text NOT NULL, size_bytes bigint);
INSERT INTO public.files VALUES ('00000000-0000-0000-0000-000000000001', '/a', 1);

CREATE TABLE public.file_metadata (
    file_id uuid PRIMARY KEY REFERENCES public.files ON DELETE CASCADE,
    name text NOT NULL,
    at timestamptz DEFAULT now()
);
COMMENT ON TABLE public.file_metadata IS 'never filled';
CREATE INDEX ON public.file_metadata (lower(name));

CREATE TABLE public.file_versions (no serial PRIMARY KEY, path text);

CREATE TABLE public.conversions (id integer PRIMARY KEY, file uuid REFERENCES public.file_metadata);
