"""The command line: names, arguments and their help."""

from __future__ import annotations

import argparse

EPILOG = """exit status: 0 done; 1 a step or check failed (everything is as it was, or a rerun resumes);
2 the spec or the command line is wrong; 3 refused, nothing was touched; 4 waits for a person's approval"""


def build_parser() -> argparse.ArgumentParser:
    """Every command of SPEC.md."""
    parser = argparse.ArgumentParser(
        prog="pgfold",
        description="Folds several Postgres tables into one, proves that nothing was lost, and unfolds them again.",
        epilog=EPILOG,
    )
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--database-url", metavar="URL", help="the database; else DATABASE_URL, else the embedded one")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, help: str, module: str | None = None) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=help, description=help, parents=[shared])
        command.set_defaults(module=module or name)
        return command

    def add_with_spec(name: str, help: str, module: str | None = None) -> argparse.ArgumentParser:
        command = add(name, help, module)
        command.add_argument("spec", metavar="SPEC", help="a name below pipelines/defs, or the path of a defs.yaml")
        return command

    add("demo", "fold the sample tables, edit, unfold, fold again, drop, and unfold from the backup")
    up = add("up", "database, Dagster UI and daemons, monitor and dashboard in one terminal; Ctrl-C stops all")
    up.add_argument("--port", type=int, default=3000, help="of the Dagster UI")
    up.add_argument("--no-monitor", action="store_true", help="database and Dagster alone")
    up.add_argument("--demo", action="store_true", help="with an application at work, for the dashboard to show")
    _add_fold_commands(add_with_spec)
    _add_backup_commands(add)
    status = add("status", "migrations, steps, approvals waiting, backups and their age")
    status.add_argument("--json", action="store_true", help="for programs")
    add("doctor", "configuration and database health, with what to do")
    return parser


def _add_fold_commands(add: object) -> None:
    assert callable(add)
    plan = add("plan", "preflight, the proof of the lens on every row, and the SQL of each step; changes nothing")
    plan.add_argument("--json", action="store_true", help="for programs")
    plan.add_argument("--quick", action="store_true", help="without the proof on every row")
    plan.add_argument("--sql", action="store_true", help="with the SQL of each step")
    add("run", "export to cut-over, as a Dagster run; goes on where a killed run stopped")
    approve = add("approve", "record a person's yes to a step of the plan")
    approve.add_argument("step", choices=["cut_over", "drop"], metavar="STEP", help="cut_over or drop")
    verify = add("verify", "the lens law and the other checks, now")
    verify.add_argument("--junit", metavar="FILE", help="write JUnit XML for CI")
    rollback = add("rollback", "unfold: from any point, also after drop, with the edits made since")
    rollback.add_argument("--plan", action="store_true", help="can it be undone now, and what stands in the way")
    rollback.add_argument("--set-aside", action="store_true", help="keep what cannot go home for the next fold")
    rollback.add_argument("--accept-deletes", action="store_true", help="many rows were deleted on purpose")
    rollback.add_argument(
        "--to", choices=["backup"], help="exactly the rows at cut-over; later edits are saved beside it"
    )
    drop = add("drop", "after grace period and approval: drills the backup, then drops the archived tables")
    drop.add_argument("--now", action="store_true", help="before the grace period ends")
    add("forget", "remove the row map and kept values; says what can no longer be undone")


def _add_backup_commands(add: object) -> None:
    assert callable(add)
    backup = add("backup", "back up the tables of these consolidations")
    backup.add_argument("specs", nargs="*", metavar="SPEC", help="none: all of them")
    restore = add("restore", "bring the tables of a backup back")
    restore.add_argument("backup", metavar="BACKUP", help="the folder of a backup")
    restore.add_argument("--into", metavar="SCHEMA", help="into this schema instead of their own")
    backups = add("backups", "list, prune or drill backups")
    backups.add_argument("action", nargs="?", choices=["list", "prune", "drill"], default="list")
    backups.add_argument("name", nargs="?", help="of one consolidation")
    backups.add_argument("--keep", type=int, default=7, metavar="N", help="how many prune keeps (default 7)")
