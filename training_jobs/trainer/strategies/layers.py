"""The layers of a decoder, whatever its family calls them."""

from typing import Any

import torch


def decoder_layers(model: Any) -> torch.nn.ModuleList | None:  # noqa: ANN401 - transformers' models are untyped
    """Return the list of all layers of a transformers model, with an adapter or without; None where none is found.

    It is the one list that is as long as the configuration says and stands in no other such list.
    """
    count = model.config.num_hidden_layers
    for module in model.modules():  # from the outside in
        if isinstance(module, torch.nn.ModuleList) and len(module) == count:
            return module
    return None
