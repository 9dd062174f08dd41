"""One Snakemake DAG: what has to be done (plan), doing it (launch, job), what is done (receipts)."""
