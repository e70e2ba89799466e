"""Spot checks of sites: slices that are drawn after they were handed over, computed again elsewhere, and compared.

`handing` takes in what machines of sites hand over, `drawing` draws, `services` and `work` have slices computed again,
`judging` says what came of it. `rules`, `draw` and `comparison` are pure.
"""
