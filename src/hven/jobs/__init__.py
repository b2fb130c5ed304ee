"""Jobs that survive anything: rows of a database, run by dispatchers over the engine.

`phases` is the pure phase machine, `transitions` moves a job through it. `submission` takes a job
in, `queue` says whose turn it is, `dispatch` claims and starts, `drive` looks after one attempt,
`performance` is the process that runs the application, `expiry` ends what is over, `mail` tells.
"""
