"""Our own hub: read-only endpoints that a stock Hugging Face client understands.

A reader sets `HF_ENDPOINT=https://this.site/hub` and uses `snapshot_download` or `from_pretrained` as ever. Revisions
are `main` (the newest published version), `v<number>`, or the 40 hex characters of a version. Nothing can be written
here: publishing is `models_registry.publishing.hub`.
"""
