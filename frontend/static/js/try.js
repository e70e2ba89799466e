// Asking a model on its page: the answer appears as it is written. Without this file the form does the same in one go.

export function start(form) {
  const status = form.querySelector("[data-try-status]");
  const section = document.querySelector("[data-try-answer]");
  const text = section.querySelector("[data-try-text]");
  const by = section.querySelector("[data-try-by]");
  const button = form.querySelector("button");
  const { model, tokens, answering, failed, cut, by: words, nothing } = form.dataset;

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    say(answering);
    button.disabled = true;
    text.textContent = by.textContent = "";
    section.hidden = false;
    // A screen reader hears the answer once it is whole, not word by word.
    section.setAttribute("aria-busy", "true");
    try {
      const { version, question } = form.elements;
      const end = await ask(`${model}@${version.value}`, question.value.trim());
      if (!text.textContent) text.textContent = nothing;
      by.textContent = [words.replace("{version}", version.value), ...(end === "length" ? [cut] : [])].join(" · ");
      say("");
    } catch (error) {
      section.hidden = !text.textContent;
      say(error.message || failed, true);
    } finally {
      button.disabled = false;
      section.removeAttribute("aria-busy");
    }
  });

  function say(words, isError = false) {
    status.textContent = words;
    status.classList.toggle("status--error", isError);
  }

  // Sends one question and writes the answer down; returns why it ended.
  async function ask(name, content) {
    const messages = [{ role: "user", content }];
    const body = JSON.stringify({ model: name, messages, max_tokens: Number(tokens), temperature: 0, stream: true });
    let response;
    try {
      response = await fetch("/v1/chat/completions", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    } catch {
      throw new Error(failed);
    }
    if (!response.ok) {
      const { error } = await response.json().catch(() => ({}));
      throw new Error(form.dataset[`code${error?.code ?? ""}`] ?? failed);
    }
    let end = "";
    for await (const data of events(response.body)) {
      if (data === "[DONE]") return end;
      const part = JSON.parse(data);
      if (part.error) throw new Error(failed);
      text.textContent += part.choices[0]?.delta?.content ?? "";
      end = part.choices[0]?.finish_reason ?? end;
    }
    throw new Error(failed);
  }

  // The data of server-sent events, one after the other.
  async function* events(body) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const parts = (rest + value).split("\n\n");
      rest = parts.pop();
      for (const part of parts) if (part.startsWith("data: ")) yield part.slice(6);
    }
  }
}
