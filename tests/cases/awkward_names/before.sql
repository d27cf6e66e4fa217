-- Names: mixed case, blanks, quotes, dots, percent signs, 63 bytes, the names that pgfold itself uses in its SQL.
CREATE SCHEMA "Sales & Ops";
CREATE SCHEMA "a.b";
CREATE TABLE "Sales & Ops"."Order ""Lines""" (
    "Id" integer PRIMARY KEY,
    "select" text,
    "100%" numeric,
    "ünïcödé ☃" text,
    "äöüäöüäöüäöüäöüäöüäöüäöüäöüäöü_" text,
    s text,
    t jsonb,
    "from.where" text
);
INSERT INTO "Sales & Ops"."Order ""Lines""" VALUES (1, 'a', 1, 'b', 'c', 's', '{"a.b": {"c": 1}}', 'x');

CREATE TABLE "a.b"."c.d" (
    m integer,
    "%s" text,
    "{}" numeric,
    o text,
    "x""y" text,
    " " text,
    h text,
    "Group" text,
    number integer,
    PRIMARY KEY (m)
);
COMMENT ON COLUMN "a.b"."c.d"." " IS 'a blank; ''quoted'' \ and {braced} 100%';
CREATE INDEX "äöüäöüäöüäöüäöüäöüäöüäöüäöüäöü1" ON "a.b"."c.d" (("x""y" || ''));
INSERT INTO "a.b"."c.d" VALUES
    (10, '%s', 1.5, '{o}', 'say "x"', ' ', 'h', 'g', 1),
    (11, '%(a)s', NULL, '$1', E'\\', NULL, '', '{{g}}', 2);

CREATE TABLE "Sales & Ops".c (
    c integer PRIMARY KEY,
    k integer REFERENCES "a.b"."c.d" ON DELETE CASCADE
);
INSERT INTO "Sales & Ops".c VALUES (1, 10), (2, 11);
