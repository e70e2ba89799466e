"""Full text search over everything that has a page: what can be found, how the index stays fresh, and how it is asked.

`subjects` is the table of things (each app offers its own), `index` keeps the rows from the log, `words` reads what
is typed, `matching` asks the database, `ranking` and `extracts` are pure, `finding` is what pages and the API call.
Only what everybody may read is in the index.
"""

from governance.search.finding import Hit, Results, search, suggest
from governance.search.index import refresh, reindex

__all__ = ["Hit", "Results", "refresh", "reindex", "search", "suggest"]
