-- Two file tables: files is used, file_metadata was made and never filled.

CREATE FUNCTION public.uuid_generate_v4() RETURNS uuid
    LANGUAGE sql VOLATILE PARALLEL SAFE
    RETURN gen_random_uuid();

CREATE FUNCTION public.set_file_updated_at() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;

CREATE TYPE public.file_type AS ENUM ('user_upload', 'generated', 'cache');
CREATE TYPE public.message_role AS ENUM ('user', 'assistant', 'system');

CREATE TABLE public.conversations (
    id uuid DEFAULT public.uuid_generate_v4() PRIMARY KEY,
    continuation_id text UNIQUE NOT NULL,
    title text,
    metadata jsonb DEFAULT '{}',
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL
);
CREATE TRIGGER conversations_updated_at BEFORE UPDATE ON public.conversations
    FOR EACH ROW EXECUTE FUNCTION public.set_file_updated_at();

CREATE TABLE public.messages (
    id uuid DEFAULT public.uuid_generate_v4() PRIMARY KEY,
    conversation_id uuid NOT NULL REFERENCES public.conversations (id) ON DELETE CASCADE,
    role public.message_role NOT NULL,
    content text NOT NULL,
    metadata jsonb DEFAULT '{}',
    created_at timestamptz DEFAULT now() NOT NULL
);
CREATE INDEX idx_messages_conversation ON public.messages (conversation_id, created_at);

CREATE TABLE public.files (
    id uuid DEFAULT public.uuid_generate_v4() PRIMARY KEY,
    storage_path text UNIQUE NOT NULL,
    original_name text NOT NULL,
    mime_type text,
    size_bytes integer,
    file_type public.file_type DEFAULT 'user_upload' NOT NULL,
    metadata jsonb DEFAULT '{}',
    created_at timestamptz DEFAULT now() NOT NULL
);
CREATE INDEX idx_files_storage_path ON public.files (storage_path);
CREATE INDEX idx_files_file_type ON public.files (file_type);
CREATE INDEX idx_files_created_at ON public.files (created_at DESC);

CREATE TABLE public.conversation_files (
    conversation_id uuid REFERENCES public.conversations (id) ON DELETE CASCADE,
    file_id uuid REFERENCES public.files (id) ON DELETE CASCADE,
    added_at timestamptz DEFAULT now() NOT NULL,
    PRIMARY KEY (conversation_id, file_id)
);

CREATE TABLE public.file_metadata (
    file_id uuid DEFAULT public.uuid_generate_v4() PRIMARY KEY,
    original_filename text NOT NULL,
    file_size bigint NOT NULL,
    mime_type text NOT NULL,
    supabase_storage_path text NOT NULL,
    local_cache_path text NOT NULL,
    file_hash text NOT NULL,
    provider_file_ids jsonb DEFAULT '{}',
    upload_date timestamptz DEFAULT now() NOT NULL,
    last_accessed timestamptz DEFAULT now() NOT NULL,
    access_count integer DEFAULT 0 NOT NULL,
    metadata jsonb DEFAULT '{}',
    created_at timestamptz DEFAULT now() NOT NULL,
    updated_at timestamptz DEFAULT now() NOT NULL
);
CREATE INDEX idx_file_metadata_hash ON public.file_metadata (file_hash);
CREATE INDEX idx_file_metadata_upload_date ON public.file_metadata (upload_date DESC);
CREATE INDEX idx_file_metadata_last_accessed ON public.file_metadata (last_accessed DESC);
CREATE TRIGGER file_metadata_updated_at BEFORE UPDATE ON public.file_metadata
    FOR EACH ROW EXECUTE FUNCTION public.set_file_updated_at();
ALTER TABLE public.file_metadata ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Allow all access to file_metadata" ON public.file_metadata USING (true) WITH CHECK (true);

-- Rows. Keys are hashes of a short text, so that every load gives the same.

INSERT INTO public.conversations (id, continuation_id, title, metadata, created_at, updated_at)
SELECT md5('conversation-' || n)::uuid, 'k-' || substr(md5('continuation-' || n), 1, 12),
       CASE WHEN n % 4 > 0 THEN (ARRAY['Review', 'Say "hello"', 'C:\work', E'Two\nlines', '会話 🧩'])[1 + n % 5] || ' ' || n END,
       CASE n % 3 WHEN 0 THEN '{}' WHEN 1 THEN jsonb_build_object('turns', n % 9, 'model', NULL) END,
       timestamptz '2025-10-01 00:00:00.000001+00' + n * interval '41 minutes',
       timestamptz '2025-10-01 00:30:00.25+00' + n * interval '41 minutes'
FROM generate_series(1, 541) AS n;

INSERT INTO public.messages (id, conversation_id, role, content, metadata, created_at)
SELECT md5('message-' || n)::uuid, md5('conversation-' || (1 + n % 541))::uuid,
       (ARRAY['user', 'assistant', 'system'])[1 + n % 3]::public.message_role,
       (ARRAY['What does this do?', E'It reads\n\t"a\\b"\nand stops.', 'It''s done.', '', 'はい 👍'])[1 + n % 5],
       CASE WHEN n % 7 > 0 THEN jsonb_build_object('tokens', n * 3, 'finish', CASE WHEN n % 2 = 0 THEN 'stop' END) END,
       timestamptz '2025-10-01 00:00:01.5+00' + n * interval '9 minutes 13.000007 seconds'
FROM generate_series(1, 2355) AS n;

INSERT INTO public.files (id, storage_path, original_name, mime_type, size_bytes, file_type, metadata, created_at)
SELECT md5('file-' || n)::uuid, 'contexts/' || substr(md5('path-' || n), 1, 8) || '/' || n,
       (ARRAY['main.py', 'read me.md', 'C:\temp\new.txt', E'odd\nname', '図.png', 'it''s "it".csv'])[1 + n % 6],
       CASE WHEN n % 5 > 0 THEN (ARRAY['text/plain', 'image/png'])[1 + n % 2] END,
       CASE WHEN n % 11 > 0 THEN n * 733 % 200001 END,
       (ARRAY['user_upload', 'user_upload', 'generated', 'cache'])[1 + n % 4]::public.file_type,
       CASE WHEN n % 6 > 0 THEN jsonb_build_object('sha', md5(n::text), 'lines', nullif(n % 13, 0)) END,
       timestamptz '2025-10-02 10:00:00.123456+00' + n * interval '17 minutes'
FROM generate_series(1, 169) AS n;

INSERT INTO public.conversation_files (conversation_id, file_id, added_at)
SELECT md5('conversation-' || (1 + n * 3 % 541))::uuid, md5('file-' || n)::uuid,
       timestamptz '2025-10-05 00:00:00.5+00' + n * interval '1 minute'
FROM generate_series(1, 166) AS n;
