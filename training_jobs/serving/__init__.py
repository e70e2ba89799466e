"""A released model answers visitors who want to try it: bounded, one at a time, in a process beside the site.

    views      POST /v1/chat/completions and /v1/completions, GET /v1/models: the standard HTTP form
    asked      what a request may say, and the refusals (pure)
    client     the site's side of the socket
    server     the process that answers: `python -m training_jobs.serving SOCKET`
    engine     tokens in, tokens out (torch)

For trying only: whoever wants to build on a model downloads it and runs a real server (docs/how-to/try-and-serve.md).
"""
