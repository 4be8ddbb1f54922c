"""The user's project one release later: it has one more task."""

from tests.end_to_end.users_app import app


@app.task(name="newcomer")
def newcomer():
    return "here at last"
