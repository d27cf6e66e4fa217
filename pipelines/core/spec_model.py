"""The `attributes:` of a defs.yaml as a pydantic model: what may be written, and in which form.

Dagster validates with it, so an error's location must be one of the file's own keys: the short forms (a column's
place as text, an added column's type as text, a constant) become the long one before validation, where a union of
models would put a name of its own into the location and lose the line. What only the whole spec shows is checked in
`spec_checks`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator

from pipelines.core import spec_fields as fields
from pipelines.core.spec import Accept, Approval, KeyMode, OnConflict, Rest, Scalar
from pipelines.core.spec_fields import Mistake


class Strict(BaseModel):
    """Refuses attributes it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnRuleModel(Strict):
    """Where a source column goes, and how: as it is, by a value map, or by SQL in both directions."""

    to: fields.TargetPlace
    values: dict[fields.ScalarField, fields.ScalarField] | None = None
    otherwise: fields.ScalarField = "error"
    forward: fields.SqlOverColumns | None = None
    inverse: fields.SqlOverColumns | None = None
    lossy: bool = False
    keep_in: fields.NoKeepIn = None

    @model_validator(mode="after")
    def _one_way_only(self) -> Self:
        if self.values is not None and (self.forward is not None or self.inverse is not None):
            raise Mistake("both values and SQL (forward, inverse) for one column", "keep one of them")
        if self.inverse is not None and self.forward is None:
            raise Mistake("an inverse without a forward", "give the forward too")
        for name in ("values", "forward", "inverse"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise Mistake(f"{name} is left empty", f"give {name}, or leave it out")
        if self.values == {}:
            raise Mistake("values without a value", "list source value: target value")
        if "otherwise" in self.model_fields_set and self.values is None:
            raise Mistake("otherwise without values", "give values, or leave otherwise out")
        return self


class AddColumnModel(Strict):
    """A column that the target gets; `default` and `check` are SQL."""

    type: fields.SqlType
    default: fields.SqlWithoutColumns | None = None
    not_null: bool = False
    check: fields.SqlWithoutColumns | None = None


class SetModel(Strict):
    """SQL over the source row for a place of the target; a constant is written bare."""

    expression: fields.SqlOverColumns | None = None
    _constant: Scalar = PrivateAttr(default=None)

    @classmethod
    def of(cls, constant: Scalar) -> SetModel:
        """A constant, as it stands in the file."""
        made = cls()
        made._constant = constant
        return made

    @property
    def constant(self) -> Scalar:
        """The constant; None with an expression."""
        return self._constant


def _long_column_rule(value: Any) -> Any:
    match value:
        case str() | list():
            return {"to": value}
        case dict() | ColumnRuleModel():
            return value
        case _:
            raise Mistake("no place for this column", "write the target column, or a mapping with to:")


def _long_add_column(value: Any) -> Any:
    match value:
        case str():
            return {"type": value}
        case dict() | AddColumnModel():
            return value
        case _:
            raise Mistake("no type for this column", "write its type, or a mapping with type:")


def _long_set(value: Any) -> Any:
    match value:
        case None | str() | int() | float():
            return SetModel.of(value)
        case {"expression": _} | SetModel():
            return value
        case _:
            raise Mistake("neither a constant nor an expression", "write one value, or {expression: ...}")


def _some(value: tuple[Any, ...]) -> tuple[Any, ...]:
    if not value:
        raise Mistake("an empty list", "name at least one")
    return value


ColumnRuleField = Annotated[
    ColumnRuleModel, BeforeValidator(_long_column_rule, json_schema_input_type=str | list[str] | ColumnRuleModel)
]
AddColumnField = Annotated[
    AddColumnModel, BeforeValidator(_long_add_column, json_schema_input_type=str | AddColumnModel)
]
SetField = Annotated[SetModel, BeforeValidator(_long_set, json_schema_input_type=Scalar | SetModel)]


class SourceModel(Strict):
    """A table that is folded into the target."""

    table: fields.TableField
    key: KeyMode = KeyMode.KEEP
    key_columns: tuple[fields.Name, ...] = ()
    columns: dict[fields.Name, ColumnRuleField] = Field(default_factory=dict)
    rest: fields.RestField = Rest()
    set: dict[fields.PlaceKey, SetField] = Field(default_factory=dict)
    on_conflict: fields.OnConflictField = OnConflict.ERROR
    expect_empty: bool = False
    match: fields.NoMatch = None
    unmatched: fields.NoUnmatched = None


class ForeignKeyModel(Strict):
    """What a child's key does from now on, or a key that no constraint declares."""

    table: fields.TableField
    columns: Annotated[tuple[fields.Name, ...], AfterValidator(_some)]
    references: fields.TableField | None = None
    on_delete: fields.ActionField | None = None
    on_update: fields.ActionField | None = None


class ConsolidationModel(Strict):
    """Several tables become one."""

    description: str = ""
    target: fields.TableField
    add_columns: dict[fields.Name, AddColumnField] = Field(default_factory=dict)
    drop_not_null: tuple[fields.Name, ...] = ()
    sources: Annotated[tuple[SourceModel, ...], AfterValidator(_some)]
    foreign_keys: tuple[ForeignKeyModel, ...] = ()
    compatibility_views: fields.NoCompatibilityViews = False
    accept: tuple[Accept, ...] = ()
    approval: Approval = Approval.DROP
    drop_after: fields.Duration = timedelta(days=7)
    batch_rows: int = Field(default=20_000, ge=1, le=1_000_000)
    lock_timeout: fields.PositiveDuration = timedelta(milliseconds=300)
    lock_wait: fields.PositiveDuration = timedelta(seconds=60)
