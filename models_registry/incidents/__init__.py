"""What people report about released versions, who looks into it by when, and what came of it.

`lifecycle.py` ♥ computes states and deadlines from facts, `services.py` changes them, `regression.py` turns a confirmed
incident into a question of a suite. Anyone may report; the stewards answer, in public.
"""
