"""What can be pruned in an encoder, what part each weight matrix plays, and which matrices are ranked together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from torch import nn

from pruning.errors import InputError
from pruning.names import bare_name


@dataclass(frozen=True)
class Place:
    """Where in an encoder a parameter stands."""

    module: nn.Module
    path: str  # the module's, without wrapper prefixes
    leaf: str  # the parameter's own name: "weight", "bias", ...
    in_layers: bool  # inside the encoder's stack of layers


def _is_layer_matrix(place: Place) -> bool:
    return place.in_layers and isinstance(place.module, nn.Linear) and place.leaf == "weight"


def _is_pooler(place: Place) -> bool:
    return "pooler" in place.path.split(".") and isinstance(place.module, nn.Linear) and place.leaf == "weight"


def _is_embedding(place: Place) -> bool:
    # ELECTRA widens its small embeddings by a Linear of this name.
    widening = place.path.split(".")[-1] == "embeddings_project"
    return (isinstance(place.module, nn.Embedding) or widening) and place.leaf == "weight"


def _is_norm(place: Place) -> bool:
    # By name: T5 and others bring their own class (T5LayerNorm) beside torch's LayerNorm and RMSNorm.
    return place.in_layers and type(place.module).__name__.endswith("Norm") and place.leaf == "weight"


def _is_bias(place: Place) -> bool:
    return place.in_layers and place.leaf.endswith("bias")


ALSO: dict[str, Callable[[Place], bool]] = {
    "pooler": _is_pooler,
    "embeddings": _is_embedding,
    "norms": _is_norm,
    "biases": _is_bias,
}

COMPONENTS: dict[str, str] = {
    "attention.self.query": "query",  # BERT, RoBERTa, XLM-R, ELECTRA
    "attention.self.key": "key",
    "attention.self.value": "value",
    "attention.output.dense": "attention_output",  # DeBERTa too; before "output.dense", which also fits it
    "intermediate.dense": "feed_forward_in",
    "output.dense": "feed_forward_out",
    "attention.self.query_proj": "query",  # DeBERTa-v2
    "attention.self.key_proj": "key",
    "attention.self.value_proj": "value",
    "attention.q_lin": "query",  # DistilBERT
    "attention.k_lin": "key",
    "attention.v_lin": "value",
    "attention.out_lin": "attention_output",
    "ffn.lin1": "feed_forward_in",
    "ffn.lin2": "feed_forward_out",
}

SCOPES: dict[str, Callable[[str], object]] = {
    "global": lambda name: None,
    "per_layer": lambda name: component_of(name)[0],
    "per_matrix": lambda name: name,
}


def prunable(encoder: nn.Module, *, also: Collection[str] = ()) -> dict[str, nn.Parameter]:
    """The prunable weights of a base encoder by name, sorted: those of every Linear in its stack of layers.

    The stack of layers is whatever stands inside the encoder's outermost `ModuleList`s. Names are the encoder's own,
    without wrapper prefixes; a parameter that two modules share appears once, under its first name.

    Args:
        encoder: the base without a task's head, such as `BertModel`.
        also: further parts, of `ALSO`: `pooler` (its Linear weights), `embeddings` (every Embedding's weights),
            `norms` (the norms' weights in the layers), `biases` (all biases in the layers).

    Raises:
        InputError: a model without a stack of layers, an unknown word in `also`, or a part the model does not have.
    """
    unknown = sorted(set(also) - ALSO.keys())
    if unknown:
        raise InputError(f"also: found {', '.join(unknown)}; choose from: {', '.join(ALSO)}")
    stacks = tuple(f"{path}." for path, module in encoder.named_modules() if isinstance(module, nn.ModuleList))
    chosen = _matching(encoder, part=_is_layer_matrix, stacks=stacks)
    if not chosen:
        raise InputError(f"{type(encoder).__name__}: found no layers with Linear weights in a ModuleList to prune")
    for word in sorted(also):
        part = _matching(encoder, part=ALSO[word], stacks=stacks)
        if not part:
            raise InputError(f"also: {type(encoder).__name__} has no {word} to prune")
        chosen |= part
    return dict(sorted(chosen.items()))


def component_of(name: str) -> tuple[int | None, str]:
    """The layer a prunable weight stands in (from 0; None: outside the layers) and the part it plays there.

    The part is `query`, `key`, `value`, `attention_output`, `feed_forward_in` or `feed_forward_out`; for any other
    weight it is what its name says after the layer.

    >>> component_of("encoder.layer.3.attention.output.dense.weight")
    (3, 'attention_output')
    >>> component_of("pooler.dense.weight")
    (None, 'pooler.dense')
    """
    parts = bare_name(name).split(".")
    place = next((place for place, part in enumerate(parts) if part.isdecimal()), None)
    layer = None if place is None else int(parts[place])
    tail = ".".join(parts if place is None else parts[place + 1 :])
    path = tail.removesuffix(".weight")
    if layer is None or path == tail:
        return layer, path
    return layer, next((part for end, part in COMPONENTS.items() if f".{path}".endswith(f".{end}")), path)


def scope_called(name: str) -> Callable[[str], object]:
    """The scope of that name: gives the group a matrix is ranked in.

    Raises:
        InputError: no scope is called so.
    """
    if name not in SCOPES:
        raise InputError(f"no scope is called {name!r}; choose one of: {', '.join(SCOPES)}")
    return SCOPES[name]


def groups(names: Iterable[str], scope: str) -> list[list[str]]:
    """The matrices ranked together under a scope: sorted names in each group, groups in the order of their first name.

    Raises:
        InputError: no scope is called so.
    """
    group_of = scope_called(scope)
    found: dict[object, list[str]] = {}
    for name in sorted(names):
        found.setdefault(group_of(name), []).append(name)
    return list(found.values())


def _matching(encoder: nn.Module, *, part: Callable[[Place], bool], stacks: tuple[str, ...]) -> dict[str, nn.Parameter]:
    chosen = {}
    for name, parameter in encoder.named_parameters():
        path, _, leaf = name.rpartition(".")
        place = Place(encoder.get_submodule(path), bare_name(path), leaf, in_layers=name.startswith(stacks))
        if part(place):
            chosen[bare_name(name)] = parameter
    return chosen
