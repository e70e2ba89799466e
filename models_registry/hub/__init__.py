"""Our own hub: read-only endpoints that a stock Hugging Face client understands.

A reader sets `HF_ENDPOINT=https://this.site/hub` and uses `snapshot_download`, `from_pretrained` or `load_dataset` as
ever. Revisions are `main` (the newest that is not withdrawn or paused), `v<number>`, or 40 hex characters. Datasets are
named after community and dataset. Nothing can be written here: publishing is `models_registry.publishing.hub`.
"""
