"""The store: one DuckDB file or a DuckLake, used in short sessions by as many processes as like.

from analysis.store import Store
with Store("data/telltale.duckdb").session() as db:
db.sql("SELECT checkpoint, count(*) FROM trajectories GROUP BY ALL").show()
"""

from analysis.store.rows import append, new_ids
from analysis.store.sessions import Store, default_target

__all__ = ["Store", "append", "default_target", "new_ids"]
