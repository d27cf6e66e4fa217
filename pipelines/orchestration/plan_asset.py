"""The plan as an asset: proven on every row, kept in the ledger, and shown with its picture."""

from importlib.resources import files

import dagster as dg

from pipelines.core.mapping_words import Loss
from pipelines.core.picture import picture_of
from pipelines.core.picture_svg import data_uri, standalone_svg
from pipelines.core.plan import HASH_SHOWN, Plan
from pipelines.core.plan_text import plan_markdown
from pipelines.core.spec import Spec
from pipelines.core.wording import duration, number, size
from pipelines.orchestration.approval import CONFIRM
from pipelines.orchestration.failures import failures_told
from pipelines.orchestration.keys import PLAN, asset_key
from pipelines.orchestration.listening import tell
from pipelines.orchestration.metadata import Materialized, Metadata, outcome_metadata, shown, table
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
        with failures_told(surroundings, name, PLAN):
            standing = find_standing(surroundings, name)
            if standing.under_way:
                return _follow(standing)
            refuse_in_force(standing.state)
            return _plan(surroundings, spec)

    return plan


def _plan(surroundings: Surroundings, spec: Spec) -> Materialized:
    made = workflow.plan(surroundings, spec)
    tell(made)
    outcome = workflow.store_plan(surroundings, made)
    tell(outcome)
    return dg.MaterializeResult(metadata={**outcome_metadata(outcome), **plan_metadata(made)})


def _follow(standing: Standing) -> Materialized:
    """A run under way goes on with its own plan: by now the target has its columns, and planning would differ."""
    plan = standing.plan
    assert plan is not None
    assert standing.run is not None
    sentence = f"{plan.hash[:HASH_SHOWN]}, proven {plan.created_at:%Y-%m-%d %H:%M} UTC; the run under way follows it"
    outcome = Outcome(PLAN, sentence, 0.0, {"plan": plan.hash}, already=True)
    tell(outcome)
    shown = {PLAN: dg.MetadataValue.md(plan.document), CONFIRM: dg.MetadataValue.text(plan.hash[:HASH_SHOWN])}
    return dg.MaterializeResult(metadata={**outcome_metadata(outcome), **shown})


def plan_metadata(made: Plan) -> Metadata:
    """The plan with its picture and findings, and the tables of steps, rows, locks and what is lossy."""
    return {
        PLAN: dg.MetadataValue.md(plan_document(made)),
        CONFIRM: dg.MetadataValue.text(made.short_hash),
        "plan_hash": dg.MetadataValue.text(made.hash),
        "tables": _tables(made),
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
    columns = {"table": "string", "role": "string", "rows": "string", "size": "string"}
    rows = ((t, number(t.rows) if t.counted else f"about {number(t.rows)}") for t in made.tables)
    return table(columns, [(shown(t.table), t.role.value, counted, size(t.size_bytes)) for t, counted in rows])


def _locks(made: Plan) -> dg.TableMetadataValue:
    columns = {"step": "string", "table": "string", "about": "string", "mode": "string"}
    return table(columns, [(k.step, shown(k.table), duration(k.held_s), k.mode) for k in made.locks])


def _lossy(made: Plan) -> dg.TableMetadataValue:
    columns = {"column": "string", "goes to": "string", "values without a way back": "string"}
    rows = [
        (f"{shown(c.source)}.{c.column}", c.place or "", number(c.loss.values) if c.loss else "") for c in made.lossy
    ]
    return table(columns, rows)


def _values(loss: Loss | None) -> str:
    return number(loss.values) if loss else ""


def _steps(made: Plan) -> dg.TableMetadataValue:
    return table({"step": "string", "statements": "int"}, [(step, len(found)) for step, found in made.steps])
