"""One Snakemake DAG: what has to be done (tasks, jobs), doing it (launch, job), what is done (completion)."""
