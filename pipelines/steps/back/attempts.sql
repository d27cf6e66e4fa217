-- attempt: STABLE, so that it sees what the statement that calls it sees
CREATE OR REPLACE FUNCTION {function}(bigint, OUT value {type}, OUT failure text) LANGUAGE plpgsql STABLE AS {body}

-- body: what says something of the server and not of the value is raised again
#variable_conflict use_column
BEGIN
    value := (SELECT {value} FROM {rows} WHERE {id} = $1);
EXCEPTION WHEN OTHERS THEN
    IF pg_catalog."left"(SQLSTATE, 2) IN ('08', '40', '53', '55', '57', '58', 'XX') THEN
        RAISE;
    END IF;
    failure := SQLERRM;
END

-- read_document: jsonb refuses some of the texts that json takes (PostgreSQL manual 8.14)
CREATE OR REPLACE FUNCTION {function}({given}) RETURNS jsonb LANGUAGE plpgsql STABLE STRICT AS $pgfold$
BEGIN
    RETURN {value};
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    RETURN {otherwise};
END
$pgfold$
