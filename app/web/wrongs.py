"""What is wrong with a request, in the words of who wrote it: pydantic's errors speak of Python."""

from collections.abc import Iterator
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import AliasChoices, BaseModel, RootModel, Tag
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

MOST_NAMED = 60  # fields of an object
EXPECTED = {
    "an object": ("dict_type", "model_type", "model_attributes_type", "dataclass_type", "mapping_type"),
    "a list": ("list_type", "tuple_type", "set_type", "frozen_set_type", "iterable_type"),
    "a text": ("string_type",),
    "a whole number": ("int_type", "int_parsing", "int_from_float", "int_parsing_size"),
    "a number": ("float_type", "float_parsing"),
    "true or false": ("bool_type", "bool_parsing"),
}
WORDS = {kind: f"{what} is expected" for what, kinds in EXPECTED.items() for kind in kinds}


def words_of(error: ErrorDetails, model: type[BaseModel]) -> str:
    """What *error* found in what should have been a *model*."""
    if error["type"] == "extra_forbidden":
        return _unknown(str(error["loc"][-1]), sorted(_fields_at(model, error["loc"][:-1])))
    if error["type"] in ("literal_error", "enum"):
        return f"one of {error['ctx']['expected']} is expected"
    text = WORDS.get(error["type"]) or error["msg"].removeprefix("Value error, ")
    return text.replace("Input should be", "it should be")


def _unknown(name: str, known: list[str]) -> str:
    nearest = get_close_matches(name[:100], known, n=3)
    ordered = nearest + [each for each in known if each not in nearest]
    return f"unknown field; there are: {', '.join(ordered[:MOST_NAMED])}" if ordered else "unknown field"


def _fields_at(model: type[BaseModel], place: tuple[int | str, ...]) -> set[str]:
    """The names of the fields of what stands at *place* of a *model*."""
    kinds: list[Any] = [model]
    for part in place:
        kinds = [inner for kind in kinds for tag, form in _forms(kind) for inner in _inside(tag, form, part)]
    models = [form for kind in kinds for _, form in _forms(kind) if _is_model(form)]
    return {_names(name, each)[0] for found in models for name, each in found.model_fields.items()}


def _forms(kind: Any, tag: str = "") -> Iterator[tuple[str, Any]]:
    """(tag, form) of each form that a value of *kind* may have."""
    if isinstance(kind, type) and issubclass(kind, RootModel):
        yield from _forms(kind.model_fields["root"].annotation)
    elif get_origin(kind) is Annotated:
        tags = [mark.tag for mark in kind.__metadata__ if isinstance(mark, Tag)]
        yield from _forms(get_args(kind)[0], tags[0] if tags else tag)
    elif get_origin(kind) in (Union, UnionType):
        for each in get_args(kind):
            yield from _forms(each, tag)
    else:
        yield tag, kind


def _inside(tag: str, form: Any, part: int | str) -> list[Any]:
    """What *form* has at *part*: a field, an item, or, where *part* is its tag, itself."""
    if str(part).startswith("("):
        return [form] if tag == part else []
    if _is_model(form):
        return [each.annotation for name, each in form.model_fields.items() if part in (name, *_names(name, each))]
    return list(get_args(form)[-1:])


def _is_model(form: Any) -> bool:
    return isinstance(form, type) and issubclass(form, BaseModel)


def _names(name: str, field: FieldInfo) -> list[str]:
    """What a field is called in JSON, its first name first."""
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return [str(each) for each in alias.choices]
    return [alias if isinstance(alias, str) else name]
