"""Alembic's entry: migrate schema pgfold on the connection that the caller put into the configuration.

`alembic` itself runs this file; nothing imports it. The caller's transaction holds all of it, so that a migration is
there wholly or not at all.
"""

from alembic import context

from pipelines.database.ledger_tables import METADATA, VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
    version_table_schema=METADATA.schema,
)
with context.begin_transaction():
    context.run_migrations()
