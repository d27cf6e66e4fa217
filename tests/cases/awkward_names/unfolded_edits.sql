UPDATE "a.b"."c.d" SET "x""y" = '"', number = NULL, o = '{p}' WHERE m = 10;
DELETE FROM "a.b"."c.d" WHERE m = 11;
