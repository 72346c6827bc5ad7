"""What may go wrong in the pipeline, each explained in one line."""

from apps.kit.errors import AppError


class PipelineError(AppError):
    """The pipeline cannot go on."""


class SourceError(PipelineError):
    """The package of CSV files is missing or is not what it should be."""


class ObjectStoreError(PipelineError):
    """The object store refused or did not answer."""


class SparkError(PipelineError):
    """Spark is not where it should be, or a job failed."""


class KeyCheckError(PipelineError):
    """Rows break a key that must hold; nothing was written."""


class QueryError(PipelineError):
    """Trino refused a query or did not answer."""


class ReconciliationError(PipelineError):
    """The tables do not add up to what was landed."""
