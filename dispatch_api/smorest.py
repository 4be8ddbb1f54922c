"""The house's rules for every route, in subclasses of flask-smorest's classes.

- A body is strict JSON (`bodies.py`), fields and query arguments that nobody knows are refused by
  name, and one given twice too.
- Every refusal is an `InvalidInput` with dotted paths, which `problems.py` makes an answer of.
- Ids in paths are checked before a route sees them.
- Which problems a route can answer with is written into the OpenAPI document from what it takes.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlencode

import flask_smorest
import marshmallow as ma
import msgspec
from flask import Request, current_app, request
from flask.json.provider import DefaultJSONProvider
from flask_smorest.utils import prepare_response
from webargs.core import missing
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.local import LocalProxy
from werkzeug.routing import UnicodeConverter

from dispatch_api import bodies, problems
from dispatch_api.fields import ID, ID_TEXT, Digits, Word
from dispatch_app.domain.errors import InvalidInput, NotFound, RevisionMismatch

if TYPE_CHECKING:
    from dispatch_app.dispatch import Dispatch

#: Unknown names that one answer explains, and characters of one: looking for near ones takes time.
_MOST_EXPLAINED = 20
_LONGEST_NAME = 40

_REVISION = re.compile(r"\d{1,15}", re.ASCII)

#: What the routes work on.
dispatch: Dispatch = LocalProxy(lambda: current_app.extensions["dispatch"])  # type: ignore[assignment]


class Schema(ma.Schema):
    """A schema that refuses what it does not know, by name, with the name that was meant."""

    class Meta:
        """marshmallow's options."""

        unknown = ma.RAISE

    def handle_error(
        self, error: ma.ValidationError, data: Any, *, many: bool, **kwargs: Any
    ) -> None:
        """Say more of unknown fields than that they are unknown."""
        if not isinstance(data, Mapping) or not isinstance(error.messages, dict):
            # as a field's own error: `_schema`, where the library has it, may be a name of theirs
            error.messages = ["Has to be an object."]
            return
        names = [field.data_key or name for name, field in self.load_fields.items()]
        for name in list(error.messages.keys() - set(names))[:_MOST_EXPLAINED]:
            error.messages[name] = [self._about_unknown(name[:_LONGEST_NAME], names)]

    def _about_unknown(self, name: str, names: list[str]) -> str:
        if name in self.dump_fields:
            return "Is set by the server; leave it out."
        if near := difflib.get_close_matches(name, names, 1):
            return f"Unknown. Did you mean {near[0]}?"
        return f"Unknown. There are: {', '.join(names)}." if names else "Unknown. There are none."


class Nothing(Schema):
    """No fields at all."""


class Variant(ma.fields.Field):
    """One of several objects, told apart by their `type`.

    Args:
        kinds: word -> schema. Several words may mean the same kind; the first one is shown.
    """

    #: how many of them may come as a list; 0: none
    most = 0

    def __init__(self, kinds: Mapping[str, Schema], **kwargs: Any) -> None:
        self.kinds = kinds
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, dict):
            raise ma.ValidationError("Has to be an object.")
        kind = value.get("type")
        if not isinstance(kind, str) or kind not in self.kinds:
            raise ma.ValidationError({"type": [f"Has to be one of {', '.join(self.kinds)}."]})
        return self.kinds[kind].load(value)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        if value is None:
            return None
        kind = self.word_of(value.__struct_config__.tag)
        return {"type": kind, **self.kinds[kind].dump(value)}

    def word_of(self, tag: str) -> str:
        """The word for the kind that a tag of the domain names."""
        return tag


def _variant_properties(self: Any, field: Any, **kwargs: Any) -> dict[str, Any]:
    """How apispec's converter, of which this becomes a method, documents a `Variant`."""
    if not isinstance(field, Variant):
        return {}
    # a kind that has two words stands under both in `kinds`
    choices = [self.resolve_nested_schema(kind) for kind in dict.fromkeys(field.kinds.values())]
    if field.most:
        each = {"oneOf": list(choices)}
        choices.append({"type": "array", "items": each, "minItems": 1, "maxItems": field.most})
    if field.allow_none:
        choices.append({"type": "null"})
    return {"oneOf": choices}


class Parser(FlaskParser):
    """Reads strictly, and reports what is wrong as `InvalidInput`."""

    DEFAULT_UNKNOWN_BY_LOCATION = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "query": ma.RAISE}

    #: What a body may be, and its bytes.
    TYPES: tuple[str, ...] = ("application/json",)
    MAX_BYTES = bodies.MAX_BYTES

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        """The body's object; what is missing where there is no body."""
        body = self.body_of(req)
        if not body:
            return missing
        value = bodies.parse(body)
        if not isinstance(value, dict):
            raise InvalidInput({"body": "Has to be a JSON object."})
        return value

    def body_of(self, req: Request) -> bytes:
        """The body, if it is of the right type and not too large."""
        body = req.get_data()
        # a stream without Content-Length is cut off without a word at MAX_CONTENT_LENGTH
        if len(body) > self.MAX_BYTES:
            raise RequestEntityTooLarge
        if body and (req.mimetype not in self.TYPES or "Content-Encoding" in req.headers):
            raise UnsupportedMediaType(
                f"Send Content-Type: {' or '.join(self.TYPES)}, not compressed."
            )
        return body

    def load_querystring(self, req: Request, schema: ma.Schema) -> Any:
        """The query arguments, each once."""
        twice = [name for name, values in req.args.lists() if len(values) > 1]
        if twice:
            raise InvalidInput(dict.fromkeys(twice, "Is given more than once."))
        return req.args.to_dict()

    def handle_error(
        self, error: ma.ValidationError, req: Request, schema: ma.Schema, **kwargs: Any
    ) -> NoReturn:
        """Report all that is wrong at once, without the place where it stood."""
        (found,) = error.messages_dict.values()
        raise InvalidInput(dict(_paths(found, ""))) from error


def _paths(messages: Any, path: str) -> Iterator[tuple[str, list[str]]]:
    """marshmallow's nested messages as dotted paths: `tags.0`, `schedule.cron`."""
    if isinstance(messages, Mapping):
        for name, inner in messages.items():
            yield from _paths(inner, f"{path}.{name}" if path else str(name))
    else:
        yield path or "body", messages if isinstance(messages, list) else [str(messages)]


class Blueprint(flask_smorest.Blueprint):
    """A noun's routes: functions, each named as its operation is."""

    ARGUMENTS_PARSER = Parser()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._prepare_doc_cbks.append(self._document_problems)
        self.before_request(_check_ids)
        self.before_request(_refuse_body_of_delete)

    def arguments(self, schema: Any, **kwargs: Any) -> Callable[..., Any]:
        """As the library's, with one schema instance for all requests rather than one for each."""
        return super().arguments(schema() if isinstance(schema, type) else schema, **kwargs)

    def add_url_rule(
        self, rule: str, endpoint: str | None = None, view_func: Any = None, *args: Any, **kw: Any
    ) -> None:
        """As the library's; a route that takes no query arguments refuses them all."""
        taken = getattr(view_func, "_apidoc", {}).get("arguments", {}).get("parameters", ())
        if not any(parameter["in"] == "query" for parameter in taken):
            view_func = self.arguments(Nothing, location="query", as_kwargs=True)(view_func)
        operation = self.doc(operationId=view_func.__name__)(view_func)
        super().add_url_rule(rule, endpoint, operation, *args, **kw)

    def problems(self, *statuses: int) -> Callable[..., Any]:
        """Decorator: document that a route answers with these problems, beside those of any."""
        return self.doc(responses={status: HTTPStatus(status).name for status in statuses})

    @staticmethod
    def _document_problems(doc: Any, doc_info: Any, **kwargs: Any) -> Any:
        statuses = [401, 422, 503, *([400, 413, 415] if "requestBody" in doc else [])]
        for status in statuses:
            doc["responses"].setdefault(status, HTTPStatus(status).name)
        return doc


def _check_ids() -> None:
    wrong = [name for name, value in (request.view_args or {}).items() if not ID.fullmatch(value)]
    if wrong:
        raise InvalidInput(dict.fromkeys(wrong, f"Has to be {ID_TEXT}."))


def _refuse_body_of_delete() -> None:
    # no DELETE takes one, and a filter in a body that nobody reads would be no filter
    if request.method == "DELETE" and (request.content_length or request.get_data()):
        raise InvalidInput({"body": "DELETE takes none: filters are query arguments."})


def _id_properties(converter: UnicodeConverter) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^{ID.pattern}$"}


def _problem_types() -> str:
    return "\n".join(f"- `{name}`: {text}." for name, text in problems.MEANINGS.items())


class Problem(ma.Schema):
    """The form of every error (RFC 9457)."""

    type = ma.fields.String(
        required=True,
        validate=ma.validate.OneOf([problems.TYPE_PREFIX + name for name in problems.MEANINGS]),
        metadata={"description": "Which problem it is; stable.\n\n" + _problem_types()},
    )
    title = ma.fields.String(required=True)
    status = ma.fields.Integer(required=True)
    detail = ma.fields.String(required=True, metadata={"description": "For people; may change."})
    errors = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.List(ma.fields.String()),
        metadata={"description": "Path of a field -> what is wrong and what would be right."},
    )
    problems = ma.fields.List(ma.fields.String(), metadata={"description": "Only of /readyz."})


class Api(flask_smorest.Api):
    """The library's Api with our form of errors."""

    ERROR_SCHEMA = Problem

    def _init_spec(self, **kwargs: Any) -> None:
        super()._init_spec(**kwargs)
        self.ma_plugin.converter.add_attribute_function(_variant_properties)
        # every parameter in a path of ours is an id
        self.register_converter(UnicodeConverter, _id_properties)
        self.spec.components.security_scheme("key", {"type": "http", "scheme": "bearer"})

    def _register_error_handlers(self) -> None:
        problems.register(self._app)

    def _register_pagination_header(self) -> None:
        """Ours is `Link`; the library's stays out of the document."""

    def _register_responses(self) -> None:
        for status in HTTPStatus:
            self._register_response(status.name, status.phrase)
        self._register_response("DEFAULT_ERROR", "Any other problem")

    def _register_response(self, name: str, description: str) -> None:
        response = {"description": description, "schema": self.ERROR_SCHEMA}
        prepare_response(response, self.spec, problems.CONTENT_TYPE)
        self.spec.components.response(name, response, lazy=True)


class Json(DefaultJSONProvider):
    """Encodes as the store does; a NaN in a result becomes null, because JSON has none."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """`obj` as compact JSON."""
        return msgspec.json.encode(obj).decode()


def link_to(cursor: str | None) -> dict[str, str]:
    """The headers of a page: where the next one is, if there is one."""
    if cursor is None:
        return {}
    query = urlencode({**request.args, "cursor": cursor})
    return {"Link": f'<{request.path}?{query}>; rel="next"'}


class PageQuery(Schema):
    """Which page of a listing."""

    limit = Digits(least=1, most=500, load_default=50)
    cursor = Word(
        r"[A-Za-z0-9_=-]{1,1000}",
        "`next` of the page before, as it is",
        metadata={"description": "`next` of the page before."},
    )


class Conditions(Schema):
    """Under which conditions a change is made."""

    if_match = ma.fields.String(
        data_key="If-Match",
        metadata={
            "description": "The `ETag` as it was read; if it is another by now, nothing is done "
            "and the answer is 412."
        },
    )


#: Headers of answers, for the document.
LOCATION = {"Location": {"description": "Where it is.", "schema": {"type": "string"}}}
TAG = {"ETag": {"description": "The revision, for `If-Match`.", "schema": {"type": "string"}}}
NEXT = {"Link": {"description": '`rel="next"`: the next page.', "schema": {"type": "string"}}}
RETRY = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}


def etag_of(revision: int) -> dict[str, str]:
    """The header that names a revision."""
    return {"ETag": f'"{revision}"'}


def wanted_revision(if_match: str | None, current: Callable[[], int]) -> int | None:
    """The revision that `If-Match` asks for, None where it does not matter.

    Args:
        current: reads the stored revision; asked only where several or any would do.

    Raises:
        RevisionMismatch: none that it names can be.
    """
    if if_match is None:
        return None
    tags = request.if_match.as_set(include_weak=True)
    if len(tags) == 1 and all(_REVISION.fullmatch(tag) for tag in tags):
        return int(tags.pop())
    try:
        revision = current()
    except NotFound:
        raise RevisionMismatch from None
    if request.if_match.star_tag or str(revision) in tags:
        return revision
    raise RevisionMismatch
