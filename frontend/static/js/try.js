// Asking a model on its page: the answer appears as it is written, of two versions one after the other, so that one
// visitor takes one place in the line. Without this file the form does the same in one go.

export function start(form) {
  const status = form.querySelector("[data-try-status]");
  const sections = [...form.parentElement.querySelectorAll("[data-try-answer]")];
  const button = form.querySelector("button:not([type])");
  const stop = form.querySelector("[data-try-stop]");
  const { model, tokens, answering, failed, broken, stopped, cut, by: words, nothing, done } = form.dataset;
  let asking = null;

  for (const link of form.querySelectorAll("[data-try-suggested]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      form.elements.question.value = link.textContent;
      form.requestSubmit();
    });
  }

  stop.addEventListener("click", () => asking?.abort());
  // Whoever leaves does not keep the machine busy; the server sees the connection close as well.
  addEventListener("pagehide", () => asking?.abort());

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (asking) return;
    asking = new AbortController();
    const { version, with: other, question } = form.elements;
    const tags = [version.value, ...(other?.value && other.value !== version.value ? [other.value] : [])];
    button.disabled = true;
    stop.hidden = false;
    for (const section of sections) section.hidden = true;
    try {
      for (const [place, tag] of tags.entries()) {
        say(answering);
        await answer(sections[place], tag, question.value.trim(), asking.signal);
      }
      say(done);
    } catch (error) {
      const wasStopped = asking.signal.aborted;
      say(wasStopped ? stopped : error.message || failed, !wasStopped);
    } finally {
      asking = null;
      button.disabled = false;
      stop.hidden = true;
    }
  });

  function say(words, isError = false) {
    status.textContent = words;
    status.classList.toggle("status--error", isError);
  }

  // Lets one version answer into one part of the page.
  async function answer(section, tag, question, signal) {
    const text = section.querySelector("[data-try-text]");
    const by = section.querySelector("[data-try-by]");
    text.textContent = by.textContent = "";
    section.hidden = false;
    // A screen reader hears the answer once it is whole, not word by word.
    section.setAttribute("aria-busy", "true");
    try {
      const end = await ask(tag ? `${model}@${tag}` : model, question, text, signal);
      if (!text.textContent) text.textContent = nothing;
      by.textContent = [words.replace("{version}", tag || model), ...(end === "length" ? [cut] : [])].join(" · ");
    } catch (error) {
      section.hidden = !text.textContent;
      if (text.textContent) by.textContent = signal.aborted ? stopped : broken;
      throw text.textContent && !signal.aborted ? new Error(broken) : error;
    } finally {
      section.removeAttribute("aria-busy");
    }
  }

  // Sends one question and writes the answer down; returns why it ended.
  async function ask(name, content, text, signal) {
    const messages = [{ role: "user", content }];
    const body = JSON.stringify({ model: name, messages, max_tokens: Number(tokens), temperature: 0, stream: true });
    let response;
    try {
      const headers = { "Content-Type": "application/json" };
      response = await fetch("/v1/chat/completions", { method: "POST", headers, body, signal });
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
      const { value, done: isOver } = await reader.read();
      if (isOver) return;
      const parts = (rest + value).split("\n\n");
      rest = parts.pop();
      for (const part of parts) if (part.startsWith("data: ")) yield part.slice(6);
    }
  }
}
