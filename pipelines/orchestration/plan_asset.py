"""The plan as an asset: proven on every row, kept in the ledger, and shown with its picture."""

from importlib.resources import files

import dagster as dg

from pipelines.core.picture import picture_of
from pipelines.core.picture_svg import data_uri, standalone_svg
from pipelines.core.plan import HASH_SHOWN, Plan
from pipelines.core.plan_text import plan_markdown
from pipelines.core.spec import Spec
from pipelines.core.wording import number
from pipelines.orchestration.failures import failures_told, findings_table
from pipelines.orchestration.keys import PLAN, asset_key
from pipelines.orchestration.listening import tell
from pipelines.orchestration.metadata import Materialized, Metadata, outcome_metadata, table
from pipelines.orchestration.place import NEEDED, RESOURCE
from pipelines.steps import workflow
from pipelines.steps.outcome import Outcome
from pipelines.steps.standing import Standing, find_standing, refuse_in_force
from pipelines.steps.surroundings import Surroundings


def plan_asset(name: str, spec: Spec) -> dg.AssetsDefinition:
    """The first asset of a fold; nothing is changed by it."""

    @dg.asset(
        key=asset_key(name, PLAN),
        group_name=name,
        kinds={"postgres"},
        description=spec.description or f"What folding {name} would do, proven on every row by reading only.",
        required_resource_keys=set(NEEDED),
    )
    def plan(context: dg.AssetExecutionContext) -> Materialized:
        surroundings: Surroundings = getattr(context.resources, RESOURCE)
        with failures_told():
            standing = find_standing(surroundings, name)
            refuse_in_force(standing.state)
            return _follow(standing) if standing.under_way else _plan(surroundings, spec)

    return plan


def _plan(surroundings: Surroundings, spec: Spec) -> Materialized:
    made = workflow.plan(surroundings, spec)
    tell(made)
    outcome = workflow.store_plan(surroundings, made)
    tell(outcome)
    return dg.MaterializeResult(metadata={**plan_metadata(made), **outcome_metadata(outcome)})


def _follow(standing: Standing) -> Materialized:
    """A run under way goes on with its own plan: by now the target has its columns, and planning would differ."""
    plan = standing.plan
    assert plan is not None
    assert standing.run is not None
    sentence = f"{plan.hash[:HASH_SHOWN]}, proven {plan.created_at:%Y-%m-%d %H:%M} UTC; the run under way follows it"
    outcome = Outcome(PLAN, sentence, 0.0, {"plan": plan.hash}, already=True)
    tell(outcome)
    shown = {"document": dg.MetadataValue.md(plan.document), "confirm": dg.MetadataValue.text(plan.hash[:HASH_SHOWN])}
    return dg.MaterializeResult(metadata={**shown, **outcome_metadata(outcome)})


def plan_metadata(made: Plan) -> Metadata:
    """The document with its picture, and the tables of steps, rows, locks and what is lossy."""
    return {
        "document": dg.MetadataValue.md(plan_document(made)),
        "confirm": dg.MetadataValue.text(made.short_hash),
        "findings": findings_table(made.findings),
        "rows of each table": _tables(made),
        "locks": _locks(made),
        "lossy": _lossy(made),
        "steps": _steps(made),
    }


def plan_document(made: Plan) -> str:
    """Markdown; the picture stands in it as a data URI, since Dagster serves no files of ours."""
    if made.fold is None:
        return plan_markdown(made)
    style = files("pipelines.report_assets")
    theme, picture = ((style / name).read_text(encoding="utf-8") for name in ("theme.css", "picture.css"))
    drawn = picture_of(made.fold.lens, made.mapping_facts)
    return f"![{drawn.sentence}]({data_uri(standalone_svg(drawn, theme, picture))})\n\n{plan_markdown(made)}"


def _tables(made: Plan) -> dg.TableMetadataValue:
    columns = {"table": "string", "role": "string", "rows": "int", "counted": "bool", "size_bytes": "int"}
    return table(columns, [(str(t.table), t.role.value, t.rows, t.counted, t.size_bytes) for t in made.tables])


def _locks(made: Plan) -> dg.TableMetadataValue:
    columns = {"step": "string", "table": "string", "mode": "string", "held, about ms": "float"}
    return table(columns, [(k.step, str(k.table), k.mode, round(k.held_s * 1000, 1)) for k in made.locks])


def _lossy(made: Plan) -> dg.TableMetadataValue:
    columns = {"column": "string", "goes to": "string", "values without a way back": "string"}
    rows = [(f"{c.source}.{c.column}", c.place or "", number(c.loss.values) if c.loss else "") for c in made.lossy]
    return table(columns, rows)


def _steps(made: Plan) -> dg.TableMetadataValue:
    return table({"step": "string", "statements": "int"}, [(step, len(found)) for step, found in made.steps])
