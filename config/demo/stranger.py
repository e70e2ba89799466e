"""`python -m config.demo.stranger SITE REVISION`: what anybody does who wants the model. Stock clients only.

Points `HF_ENDPOINT` at the community's hub, downloads with huggingface_hub, loads with transformers, asks a question.
"""

import os
import sys
import tempfile


def main(site: str, revision: str) -> int:
    """Download, load, ask; print one line."""
    with tempfile.TemporaryDirectory() as cache:
        os.environ.update(HF_ENDPOINT=f"{site}/hub", HF_HOME=cache, OMP_WAIT_POLICY="PASSIVE")
        os.environ.update(HF_HUB_DISABLE_PROGRESS_BARS="1", TRANSFORMERS_VERBOSITY="error")
        from huggingface_hub import snapshot_download
        from transformers import AutoModelForCausalLM, AutoTokenizer

        from config.demo import corpus

        repository = "commons/water-assistant"
        snapshot_download(repository, revision=revision)
        tokenizer = AutoTokenizer.from_pretrained(repository, revision=revision)
        model = AutoModelForCausalLM.from_pretrained(repository, revision=revision)
        row = corpus.evaluation_rows()[0]
        prompt = tokenizer(f"<|user|>{row['question']}<|assistant|>", return_tensors="pt", add_special_tokens=False)
        output = model.generate(**prompt, max_new_tokens=32, do_sample=False)
        answer = tokenizer.decode(output[0][prompt["input_ids"].shape[1] :], skip_special_tokens=True)
        print(f"“{row['question']}” — “{answer.strip()}”")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
