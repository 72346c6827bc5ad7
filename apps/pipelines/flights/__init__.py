"""The flights pipeline: CSV files to bronze, Spark to silver and gold, answers from Trino."""
