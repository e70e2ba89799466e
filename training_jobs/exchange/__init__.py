"""How sites exchange the files of a training run: the form of a payload, the rules of a round, a relay, a courier.

No torch and no Django: the trainer reads and writes files only, and what moves them runs beside it.
"""
