-- counterpart: an edited value whose inverse fails, or does not come back as it was
SELECT {id}, {key}, {value}, NULL::oid, NULL::tid
FROM {home} h JOIN {target} t ON {same} CROSS JOIN LATERAL {forth}({id}) f
WHERE {open} AND ({failed} OR f.failure IS NOT NULL OR {differ})

-- no_inverse: an edited value of which the spec says that nothing leads back
SELECT {id}, {key}, {value}, NULL::oid, NULL::tid
FROM {home} h JOIN {target} t ON {same} WHERE {open}

-- broken: rows that would be written and break a rule
SELECT {id}, {key}, {value}, NULL::oid, NULL::tid FROM {home} h WHERE {written} AND {broken}

-- attempted: the same, where the rule itself may raise
SELECT {id}, {key}, {value}, NULL::oid, NULL::tid
FROM {home} h CROSS JOIN LATERAL {attempt}({id}) f WHERE {written} AND ({broken})

-- taken: rows that would be written beside another one that has the same value
SELECT {id}, {key}, {value}, NULL::oid, NULL::tid
FROM {differing} d JOIN {home} h ON {id} = {id_d}
WHERE EXISTS (SELECT FROM {all} a WHERE {id_a} IS DISTINCT FROM {id_d} AND {conflicting})

-- orphans: every row that would be there, since a parent may have been deleted while the key was away
SELECT {id_c}, {key}, {value}, NULL::oid, NULL::tid FROM {rows} c
WHERE {among} AND ({half} OR NOT ({any_null} OR EXISTS (SELECT FROM {parent} p WHERE {same})))
