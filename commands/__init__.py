"""Console commands: thin fronts of the pipelines. They read configuration, call, print, and leave with a documented code."""
