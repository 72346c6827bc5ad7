"""A run: land, then silver, then gold, as far as anything changed; then ask."""

import logging
from collections.abc import Collection
from typing import Any

from apps.pipelines.flights import bronze, gold, session, silver, source, warehouse
from apps.pipelines.flights.file_systems import SCHEMES
from apps.pipelines.flights.report import report
from apps.pipelines.flights.spec import FlightsSpec
from apps.pipelines.flights.tables import Summaries, is_current

_log = logging.getLogger(__name__)

# Flights last: their keys refer to the others.
_SILVER = (*silver.DIMENSIONS, silver.FLIGHTS)


def run(spec: FlightsSpec, without_months: Collection[int] = ()) -> dict[str, Any]:
    """Bring bronze, silver and gold to hold the flights of all months but `without_months`.

    Safe at any time: what is current is left alone, and without a change Spark is not even started.
    Returns the report (see `report.report`), with `changed`, the objects and tables that were. Raises
    PipelineError.
    """
    files = source.read(source.locate(), without_months)
    bucket = bronze.connect(spec.object_store, spec.buckets.bronze)
    changed = bronze.land(bucket, spec.buckets.bronze, files)
    with warehouse.connect(spec.trino) as trino:
        changed += _transform(spec, files, trino.snapshot_summaries(("silver", "gold")))
        landed = sum(file.rows for file in files if file.month is not None)
        return {**report(trino, landed), "changed": changed}


def _transform(spec: FlightsSpec, files: list[source.SourceFile], summaries: Summaries) -> list[str]:
    """Bring silver and gold to the landed files; returns the tables that were written."""
    bucket = f"{SCHEMES[spec.object_store.protocol]}://{spec.buckets.bronze}"
    plans = [silver.plan(each, files, bucket) for each in _SILVER]
    inputs = {plan.silver.name: plan.digest for plan in plans}
    wanted = {each: gold.wanted_digest(each, inputs) for each in gold.TABLES}
    stale = [
        plan.silver.table.name for plan in plans if not is_current(summaries, plan.silver.table, plan.digest)
    ]
    stale += [each.table.name for each in gold.TABLES if not is_current(summaries, each.table, wanted[each])]
    if not stale:
        _log.info("silver and gold: unchanged")
        return []
    _log.info("starting Spark on %s", spec.spark.master)
    with session.connect(spec) as spark:
        changed = [plan.silver.table.name for plan in plans if silver.write(spark, plan, summaries)]
        changed += [
            each.table.name for each in gold.TABLES if gold.write(spark, each, wanted[each], summaries)
        ]
    return changed
