"""The templates of a task: Jinja that can name a document's values, choose between them and join them. Pure.

It cannot call, loop, multiply, assign or import, so whatever renders it, with a sandbox or without, runs nobody's code
and writes no more than a few times what the document holds. A template is parsed here, never rendered.
"""

from jinja2 import TemplateError
from jinja2.nodes import Const, Filter, Getattr, Getitem, Name, Node
from jinja2.sandbox import ImmutableSandboxedEnvironment

from models_registry.datasets.harness_yaml import TaskError

NODES_MAX = 200
BRACKETS_MAX = 200
FILTERS = frozenset({"trim", "upper", "lower", "capitalize", "title", "first", "last", "length", "string"})
JOINED_BY_MAX = 8
NODES = frozenset(
    {
        "Template",
        "Output",
        "TemplateData",
        "Name",
        "Const",
        "Getattr",
        "Getitem",
        "Filter",
        "If",
        "CondExpr",
        "Compare",
        "Operand",
        "And",
        "Or",
        "Not",
        "Concat",
        "Add",
        "List",
        "Tuple",
    }
)


def require_harmless(key: str, text: str) -> None:
    """Refuse a template that could do more; raise TaskError with the key that it stands under."""
    brackets = sum(text.count(opening) for opening in "([{")
    if brackets > BRACKETS_MAX:  # how deep Jinja's parser gets before it gives up depends on who calls it
        raise TaskError(key, f"{brackets} brackets in a template", f"at most {BRACKETS_MAX}")
    try:
        waiting: list[Node] = [ImmutableSandboxedEnvironment().parse(text)]
    except (TemplateError, RecursionError, ValueError) as error:
        raise TaskError(key, f"a template that does not parse: {error}", "Jinja") from error
    seen = joins = 0
    while waiting:
        node = waiting.pop()
        seen += 1
        if type(node).__name__ not in NODES or seen > NODES_MAX:
            found = f"{type(node).__name__} in a template"
            raise TaskError(key, found, "values, filters, choices and joins, and few of them")
        if _reaches_inside(node):
            raise TaskError(key, "a name with '_' at its beginning in a template", "plain names of values")
        if isinstance(node, Filter):
            joins += node.name == "join"
            _require_filter(key, node, joins)
        waiting += node.iter_child_nodes()


def _reaches_inside(node: Node) -> bool:
    if isinstance(node, Getattr):
        return node.attr.startswith("_")
    if isinstance(node, Name):
        return node.name.startswith("_")
    return isinstance(node, Getitem) and isinstance(node.arg, Const) and str(node.arg.value).startswith("_")


def _require_filter(key: str, node: Filter, joins: int) -> None:
    given = [*node.args, *node.kwargs]
    if node.name != "join":
        if node.name not in FILTERS or given or node.dyn_args or node.dyn_kwargs:
            raise TaskError(key, f"the filter {node.name}", f"join, {', '.join(sorted(FILTERS))}, without values")
        return
    by = given[0].value if len(given) == 1 and isinstance(given[0], Const) else None
    if not isinstance(by, str) or len(by) > JOINED_BY_MAX or joins > 1:
        raise TaskError(key, "join in a template", f"one join, by at most {JOINED_BY_MAX} characters")
