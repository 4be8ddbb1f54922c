"""The yardstick of the API: one route of Flask that writes one hash."""

from __future__ import annotations

import json
import os
import uuid
from typing import Any

import redis
from flask import Flask, request

app = Flask(__name__)
client = redis.Redis.from_url(os.environ["REDIS_URL"])


@app.post("/")
def create() -> tuple[dict[str, Any], int]:
    """Store a body as it comes."""
    task_id = str(uuid.uuid4())
    body = request.get_json()
    client.hset(f"bare:{task_id}", mapping={"def": json.dumps(body), "status": "scheduled"})
    return {"id": task_id, **body}, 201
