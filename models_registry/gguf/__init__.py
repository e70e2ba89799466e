"""One GGUF file from a release, for llama.cpp and its relatives. A GGUF is derived: no signature covers it.

`export` tells the story; `architecture` and `vocabulary` say what can be carried exactly and refuse the rest, `weights`
reads tensors, `origin` says where the file comes from, so that its holder finds the release that can be verified. The
same release, type and version of this program give the same bytes. Neither Django nor torch.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (version 3, little endian).
"""
