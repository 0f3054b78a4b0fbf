"""The same saga on DBOS, first proved correct, then measured beside ours."""
