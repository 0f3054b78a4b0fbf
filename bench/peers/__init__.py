"""The same saga on DBOS: first proved correct, then measured in alternation with ours."""
