"""The floor of ingest: a bare FastAPI route that checks one point and inserts one row. Run by `ingest.py`.

    python -m evals.bench.bare DATABASE PORT

The same point, the same columns and the same durability as the product's: a write-ahead log, synced at every commit.
"""

import sqlite3
import sys
import threading
from datetime import UTC, datetime
from typing import Annotated

import uvicorn
from fastapi import Body, FastAPI

from aurora.domain import MetricPoint

COLUMNS = (*(name for name in MetricPoint.model_fields if name != "replicas"), "received_at")


def create_app(database: str) -> FastAPI:
    """Return an API of one route."""
    connection = sqlite3.connect(database, check_same_thread=False, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"CREATE TABLE points (number INTEGER PRIMARY KEY, {', '.join(COLUMNS)})")
    connection.execute("CREATE INDEX newest ON points (model_name, timestamp)")
    insert = f"INSERT INTO points ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
    turn = threading.Lock()
    app = FastAPI()

    @app.post("/point", status_code=202)
    def add(point: Annotated[MetricPoint, Body()]) -> dict[str, int]:
        now = datetime.now(UTC).isoformat()
        told = {**vars(point), "timestamp": point.timestamp or now, "received_at": now}
        with turn:
            connection.execute(insert, [told[name] for name in COLUMNS])
        return {"accepted": 1}

    return app


if __name__ == "__main__":
    uvicorn.run(create_app(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]), log_level="warning", access_log=False)
