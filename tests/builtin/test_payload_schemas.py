"""The payload schemas say the same as the functions."""

from __future__ import annotations

import inspect

import pytest
from jsonschema import Draft202012Validator

from dispatch_app.builtin import MODULES

NAMES = ("echo", "email", "http", "sleep")


def test_a_plain_celery_app_has_them_under_short_names(app):
    assert {name for name in app.tasks if not name.startswith("celery.")} >= set(NAMES)
    assert {app.tasks[name].__module__ for name in NAMES} == set(MODULES)


@pytest.mark.parametrize("name", NAMES)
def test_schema_is_valid_and_so_are_its_examples(app, name):
    schema = app.tasks[name].payload_schema
    Draft202012Validator.check_schema(schema)
    assert schema["examples"]
    for example in schema["examples"]:
        Draft202012Validator(schema).validate(example)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"echo"}))
def test_schema_has_the_parameters_of_the_function(app, name):
    schema = app.tasks[name].payload_schema
    parameters = inspect.signature(app.tasks[name].run).parameters
    assert list(schema["properties"]) == list(parameters)
    assert schema["required"] == [n for n, p in parameters.items() if p.default is p.empty]
    assert schema["additionalProperties"] is False
    for field, rule in schema["properties"].items():
        if "default" in rule:
            assert rule["default"] == parameters[field].default, field
        assert rule.get("description") or rule.get("enum"), f"{field} has no description"
