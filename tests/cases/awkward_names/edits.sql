UPDATE "Sales & Ops"."Order ""Lines""" SET "select" = '%', "from.where" = '{?', s = '$2' WHERE "Id" = 10;
UPDATE "Sales & Ops"."Order ""Lines""" SET t = jsonb_set(t, ARRAY['a.b', 'c"d'], '"{1}"'), "100%" = 7 WHERE "Id" = 11;
UPDATE "Sales & Ops"."Order ""Lines""" SET "äöüäöüäöüäöüäöüäöüäöüäöüäöüäöü_" = 'only here';
