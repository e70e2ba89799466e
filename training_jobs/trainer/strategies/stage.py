"""One stage of a pipeline: a transformers model of which some layers are here, and the rest lets through what comes.

The model's own forward pass stays in use, with its masks and positions: layers that are elsewhere return what they are
given, the last of them before ours returns what arrived; embeddings that are elsewhere return zeros, and whatever else
stands outside of the layers returns its input. Weights that are elsewhere are let go, and keep their names.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from training_jobs.trainer.data import Part
from training_jobs.trainer.failures import PermanentFailure
from training_jobs.trainer.objectives import Predict
from training_jobs.trainer.strategies.layers import decoder_layers


class Stage:
    """Cuts a whole model down to the stage `number` of `count`, in place.

    `width`: how many numbers an activation has for each token. `tied`: the trained weights that the first and the last
    stage both hold, in both of them. `sent_home`: the names of weights that are not on the first stage, but here.
    """

    def __init__(self, model: Any, predict: Predict, number: int, count: int) -> None:  # noqa: ANN401
        """1. See what runs when. 2. Say which modules are ours. 3. Replace what the others do. 4. Let go of theirs."""
        self.is_first, self.is_last = number == 0, number == count - 1
        self._base = (model.get_base_model() if hasattr(model, "get_base_model") else model).base_model
        self._arrived: torch.Tensor | None = None
        self._leaving: torch.Tensor | None = None
        layers = decoder_layers(model)
        if layers is None or len(layers) < count:
            found = "no list of layers" if layers is None else f"{len(layers)} layers"
            raise PermanentFailure("pipeline_not_supported", f"{type(model).__name__} has {found} for {count} stages")
        order = Order(model, layers, predict)  # 1
        self.width = order.width
        start, end = (len(layers) * each // count for each in (number, number + 1))  # 2
        ours = [*layers[start:end], *(order.before if self.is_first else ()), *(order.after if self.is_last else ())]
        for index, layer in enumerate(layers):  # 3
            if index < start or index >= end:
                layer.forward = self._entry(order.tuples) if index == start - 1 else _passing(order.tuples)
        layers[end - 1].register_forward_hook(self._note)
        for module in [*order.before, *order.after]:
            if module not in ours:
                module.forward = _blank(module) if isinstance(module, torch.nn.Embedding) else _passing(tuples=False)
        at_both_ends = _weights(order.before) & _weights(order.after) if self.is_first or self.is_last else set()
        self.tied = [weight for weight in model.parameters() if weight in at_both_ends and weight.requires_grad]
        on_first = _weights([*layers[: len(layers) // count], *order.before])
        here = _weights(ours)
        self.sent_home = {name for name, weight in model.named_parameters() if weight in here - on_first}
        for weight in _weights([model]) - here:  # 4
            weight.requires_grad_(False)
            weight.data = torch.empty(0)

    @contextmanager
    def going_on(self, arrived: torch.Tensor | None) -> Iterator[None]:
        """Let a forward pass in this context go on from what arrived from the stage before."""
        self._arrived = arrived
        try:
            yield
        finally:
            self._arrived = self._leaving = None

    def forward(self, part: Part) -> torch.Tensor:
        """Return what leaves a stage that is not the last: activations [rows, width of the part, `width`]."""
        positions = {} if part.positions is None else {"position_ids": part.positions}
        self._base(input_ids=part.tokens, use_cache=False, **positions)
        if self._leaving is None:
            raise RuntimeError("the last layer of this stage did not run")
        return self._leaving.float()

    def _entry(self, tuples: bool) -> Callable[..., Any]:  # noqa: FBT001
        return lambda _hidden, *_others, **_more: (self._arrived,) if tuples else self._arrived

    def _note(self, _layer: object, _given: object, result: Any) -> None:  # noqa: ANN401
        self._leaving = result[0] if isinstance(result, tuple) else result


class Order:
    """What of a model runs before its layers and what after, seen while a few tokens pass through it.

    `before` and `after`: modules with weights of their own, outside of the layers. `tuples`: whether a layer returns a
    tuple. `width`: the size of an activation.
    """

    def __init__(self, model: Any, layers: torch.nn.ModuleList, predict: Predict) -> None:  # noqa: ANN401
        """Look on."""
        self.before: list[torch.nn.Module] = []
        self.after: list[torch.nn.Module] = []
        self.tuples = False
        self.width = 0
        inside = set(layers.modules())
        outside = [
            module
            for module in model.modules()
            if module not in inside and any(True for _ in module.parameters(recurse=False))
        ]
        hooks = [module.register_forward_pre_hook(self._ran) for module in outside]
        hooks.append(layers[-1].register_forward_hook(self._layer_ran))
        tokens = torch.arange(6)[None]
        was_training = model.training
        model.eval()
        with torch.no_grad():
            predict(model, Part(tokens, None, torch.arange(6), tokens[0], [6], 6))
        model.train(was_training)
        for hook in hooks:
            hook.remove()
        if self.width == 0 or len(self.before) + len(self.after) < len(outside):
            raise PermanentFailure("pipeline_not_supported", f"{type(model).__name__} has weights that are used unseen")

    def _ran(self, module: torch.nn.Module, _given: object) -> None:
        (self.after if self.width else self.before).append(module)

    def _layer_ran(self, _layer: object, _given: object, result: Any) -> None:  # noqa: ANN401
        self.tuples = isinstance(result, tuple)
        self.width = (result[0] if self.tuples else result).shape[-1]


def _weights(modules: Any) -> set[torch.nn.Parameter]:  # noqa: ANN401
    return {weight for module in modules for weight in module.parameters()}


def _passing(tuples: bool) -> Callable[..., Any]:  # noqa: FBT001
    """Return a forward that returns its input, as a layer of the family would."""
    return lambda hidden, *_others, **_more: (hidden,) if tuples else hidden


def _blank(embedding: torch.nn.Embedding) -> Callable[..., torch.Tensor]:
    """Return a forward that gives zeros in the place of embeddings."""
    return lambda ids, *_others, **_more: torch.zeros((*ids.shape, embedding.embedding_dim), device=ids.device)
