"""What the real Python worker refuses at indexing although plain Python accepts it; there, one bad function takes the whole app down.

After `azure_functions_worker` 4.34 (`functions.py`, `loader.py`) and `azure-functions-runtime` 1.3: same rules, same order, same words. The
type checks of parameters are asked of azure-functions' own converters, as the worker does. Bindings that need an extension package
(deferred bindings) are not supported here.
"""

from __future__ import annotations

import inspect
import time
import typing
from types import ModuleType
from typing import Any

from azure.functions import FunctionRegister, get_binding_registry

_NO_GENERIC = (typing.Union, tuple, typing.ClassVar, typing.get_origin(typing.Callable[[], None]))


class RefusedError(Exception):
    """The worker would not load this app or function; the message is the worker's."""


def check_app(module: ModuleType) -> list[str]:
    """What the worker would refuse in an imported `function_app`; empty if it would serve it.

    Indexes the app, which azure-functions allows once a process: see `index` for the functions as well.
    """
    return index(module)[1]


def index(module: ModuleType) -> tuple[list[Any], list[str]]:
    """The app's functions (`azure.functions` Function objects) and what the worker would refuse."""
    try:
        functions = find_app(module).get_functions()
    except RefusedError as refusal:
        return [], [str(refusal)]
    except Exception as error:  # the worker reports whatever comes out of an app's decorators
        return [], [f"{type(error).__name__}: {error}"]
    refusals = []
    for function in functions:
        try:
            check_function(function)
        except Exception as error:
            refusals.append(
                str(error) if isinstance(error, RefusedError) else f"{function.get_function_name()}: {type(error).__name__}: {error}"
            )
    return functions, refusals


def find_app(module: ModuleType) -> FunctionRegister:
    """The one FunctionApp among the module's names. Two names for the same app are two, as in the worker. Raises RefusedError."""
    apps = [value for value in (getattr(module, name, None) for name in dir(module)) if isinstance(value, FunctionRegister)]
    if not apps:
        raise RefusedError(f"Could not find top level function app instances in {module.__name__}.py.")
    if len(apps) > 1:
        raise RefusedError(f"More than one {type(apps[0]).__name__} or other top level function app instances are defined.")
    return apps[0]


def check_function(function: Any) -> None:
    """Raises RefusedError, or whatever the worker's own check would raise, for a function that the worker would not load."""
    name = function.get_function_name()
    user_function = function.get_user_function()
    parameters = dict(inspect.signature(user_function).parameters)
    annotations = typing.get_type_hints(user_function)

    bound: dict[str, Any] = {}
    explicit_return: str | None = None
    for binding in function.get_bindings():
        if binding.name == "$return":
            explicit_return = explicit_return or binding.type
        else:
            bound[binding.name] = binding

    if "context" in parameters and "context" not in bound:
        del parameters["context"]
        annotation = annotations.get("context")
        if "context" in annotations and not (isinstance(annotation, type) and annotation.__name__ == "Context"):
            raise _refuse(name, f'the "context" parameter is expected to be of type azure.functions.Context, got "{annotation!r}"')
    if unbound := set(parameters) - set(bound):
        raise _refuse(
            name,
            "the following parameters are declared in Python but not in the function definition "
            f"(function.json or function decorators): {unbound!r}",
        )
    if missing := set(bound) - set(parameters):
        raise _refuse(
            name,
            "Extra parameters in binding definition: the following parameters are declared as bindings "
            f"but are not present in Python: {missing!r}",
        )
    for parameter in parameters:
        if parameter in annotations:
            _check_parameter(name, bound[parameter], annotations[parameter])
    if explicit_return is not None and "return" in annotations:
        _check_return(name, explicit_return, annotations["return"])
    _check_retry(name, function.get_settings_dict("retry_policy"))


def _check_parameter(name: str, binding: Any, annotation: Any) -> None:
    out = _is_out(annotation)
    declared_out = int(binding.direction) == 1
    python_type = annotation
    if out:
        arguments = typing.get_args(annotation)
        if len(arguments) != 1:
            raise _refuse(name, f"binding {binding.name} has invalid Out annotation {annotation!r}")
        python_type = arguments[0]
    if not isinstance(python_type, type) and not _is_generic(python_type):
        raise _refuse(name, f"binding {binding.name} has invalid non-type annotation {annotation!r}")
    if declared_out and not out:
        raise _refuse(
            name,
            f'binding {binding.name} is declared to have the "out" direction, but its annotation in Python is not '
            "a subclass of azure.functions.Out",
        )
    if out and not declared_out:
        raise _refuse(
            name,
            f'binding {binding.name} is declared to have the "in" direction in the binding decorator, but its annotation '
            "is azure.functions.Out in Python",
        )
    generic = python_type in (str, bytes) and not _has_implicit_output(binding.type)
    if not _accepts("generic" if generic else binding.type, python_type, out=out):
        shown = getattr(python_type, "__name__", repr(python_type))
        raise _refuse(
            name,
            f'type of {binding.name} binding in the binding decorator "{binding.type}" does not match its Python annotation "{shown}"',
        )


def _check_return(name: str, binding_type: str, annotation: Any) -> None:
    if _is_out(annotation):
        raise _refuse(name, "return annotation should not be azure.functions.Out")
    if not isinstance(annotation, type):
        raise _refuse(name, f"has invalid non-type return annotation {annotation!r}")
    if not _accepts(binding_type, annotation, out=True):
        raise _refuse(name, f'Python return annotation "{annotation.__name__}" does not match binding type "{binding_type}"')


def _check_retry(name: str, policy: dict[str, Any] | None) -> None:
    if not policy:
        return
    wanted = ("delay_interval",) if policy["strategy"] == "fixed_delay" else ("minimum_interval", "maximum_interval")
    try:
        int(policy["max_retry_count"])
        for interval in wanted:
            time.strptime(policy[interval], "%H:%M:%S")
    except (KeyError, TypeError, ValueError) as error:
        raise _refuse(name, f"retry policy: {error}; it needs max_retry_count and {' and '.join(wanted)} as hh:mm:ss") from error


def _converter(binding_type: str) -> Any:
    return get_binding_registry().get(binding_type)  # type: ignore[no-untyped-call]


def _has_implicit_output(binding_type: str) -> bool:
    converter = _converter(binding_type)
    return bool(getattr(converter, "has_implicit_output", lambda: False)()) if converter is not None else False


def _accepts(binding_type: str, python_type: Any, *, out: bool) -> bool:
    converter = _converter(binding_type)
    if converter is None:  # the worker's GenericBinding
        return issubclass(python_type, (str, bytes, bytearray) if out else (str, bytes))
    check = converter.check_output_type_annotation if out else converter.check_input_type_annotation
    return bool(check(python_type))


def _is_out(annotation: Any) -> bool:
    origin = typing.get_origin(annotation) if _is_generic(annotation) else None
    candidate = annotation if origin is None else origin
    return isinstance(candidate, type) and candidate.__name__ == "Out"


def _is_generic(annotation: Any) -> bool:
    """The worker's own test: `typing.List[int]` passes, `list[int]`, unions, tuples and callables do not."""
    if isinstance(annotation, type):
        return issubclass(annotation, typing.Generic)
    aliases = (typing._GenericAlias, typing._SpecialGenericAlias)  # type: ignore[attr-defined]
    return isinstance(annotation, aliases) and typing.get_origin(annotation) not in _NO_GENERIC


def _refuse(function_name: str, reason: str) -> RefusedError:
    return RefusedError(f"cannot load the {function_name} function: {reason}")
