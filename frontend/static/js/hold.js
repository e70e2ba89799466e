// The moments between signing and sending, in which the voter can still undo: a ballot that was sent stands in the log for
// good. The clock is seen running and said once; it can be stopped, so that nobody has to be quick.

const TICK_MS = 200;

// Answers "send" when the time is over or the voter says so, "undo" when they undo or close the dialog.
// `tell(key)` says aloud that the clock runs ("held") or was stopped ("clock_stopped").
export function hold(dialog, seconds, tell) {
  const [undo, send, wait] = ["undo", "send", "wait"].map((name) => dialog.querySelector(`[data-hold-${name}]`));
  const clock = dialog.querySelector("[data-hold-clock]");
  const ends = performance.now() + seconds * 1000;
  const ended = new AbortController();

  return new Promise((resolve) => {
    const finish = (answer) => {
      clearInterval(ticking);
      ended.abort();
      resolve(answer);
    };
    const tick = () => {
      const left = Math.ceil((ends - performance.now()) / 1000);
      clock.textContent = Math.max(left, 0);
      if (left <= 0) finish("send");
    };
    const ticking = setInterval(tick, TICK_MS);
    const on = (target, kind, done) => target.addEventListener(kind, done, { signal: ended.signal });
    on(undo, "click", () => finish("undo"));
    on(send, "click", () => finish("send"));
    on(wait, "click", () => {
      clearInterval(ticking);
      clock.hidden = wait.hidden = true;
      tell("clock_stopped");
      send.focus();
    });
    on(dialog, "close", () => finish("undo"));
    clock.hidden = wait.hidden = false;
    tick();
    tell("held");
    undo.focus();
  });
}
