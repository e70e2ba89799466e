"""Freedom to leave: all that a community has done, as files in open formats, and back again on another instance.

`settings.PORTABLE` lists the parts, one for each app; a part says which tables are a community's, by what names their
rows are known elsewhere, which files belong to it, and what never leaves and why. `tables.py` says what that looks
like, `rows.py` and `values.py` write and read rows, `own_records.py` finds a community's records, `package.py` is the
folder or archive, `exporting.py` and `importing.py` are the two ways. `person.py` gives people what is kept about them.

docs/how-to/leave-with-everything.md describes the format. Ids may differ from place to place; digests may not.
"""
