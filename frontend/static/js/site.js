// The one script of a page. Each part begins where an element asks for it, once for each element, and again in what htmx
// swaps in; a page without the element pays for nothing but the bytes. The demo's wallet is a script of its own.
import htmx from "htmx.org/dist/htmx.esm.js";

import { start as startAutosave } from "./autosave.js";
import { start as startAutosaveDone } from "./autosave-done.js";
import { start as startChart } from "./chart.js";
import { start as startContract } from "./contract.js";
import { start as startCopy } from "./copy.js";
import { start as startDelegation } from "./delegate.js";
import { start as startKeyholder } from "./keyholder.js";
import { start as startLive } from "./live.js";
import { start as startMap } from "./model-map.js";
import { start as startOffline } from "./offline.js";
import { start as startPairing } from "./pairing.js";
import { start as startPractice } from "./practice.js";
import { start as startPasskey } from "./passkey.js";
import { start as startPasskeySeat } from "./passkey-seat.js";
import { start as startReaderSignOut } from "./reader-sign-out.js";
import { start as startPalette } from "./palette.js";
import { start as startReview } from "./review.js";
import { startDialogClose, startSignIn, startSignOut } from "./sign-in.js";
import { start as startSharedSigning } from "./shared-signing.js";
import { start as startSharedWallet } from "./shared-wallet.js";
import { start as startSponsor } from "./sponsor.js";
import { start as startStream } from "./stream.js";
import { start as startTry } from "./try.js";
import { start as startVote } from "./vote.js";

const PARTS = [
  ["[data-live-problem]", startLive],
  ["[data-offline-worker]", startOffline],
  ["[data-pairing]", startPairing],
  ["[data-sign-in]", startSignIn],
  ["[data-sign-out]", startSignOut],
  ["[data-dialog-close]", startDialogClose],
  ["#vote-panel", startVote],
  ["[data-practice]", startPractice],
  ["[data-contract]", startContract],
  ["[data-delegation]", startDelegation],
  ["[data-sponsor]", startSponsor],
  ["[data-shared-wallets]", startSharedWallet],
  ["[data-shared-signing]", startSharedSigning],
  ["[data-keyholder]", startKeyholder],
  ["[data-passkey]", startPasskey],
  ["[data-passkey-seat]", startPasskeySeat],
  ["[data-forget-copies]", startReaderSignOut],
  ["[data-review]", startReview],
  ["[data-palette]", startPalette],
  ["[data-autosave]", startAutosave],
  ["[data-autosave-done]", startAutosaveDone],
  ["[data-try]", startTry],
  ["[data-scroll-to-end]", startMap],
  ["[data-copy]", startCopy],
  ["[data-chart]", startChart],
  ["[data-live-stream]", startStream],
];

const started = new Map(PARTS.map(([selector]) => [selector, new WeakSet()]));

function begin(within) {
  for (const [selector, start] of PARTS) {
    const found = [...within.querySelectorAll(selector)];
    if (within.matches?.(selector)) found.unshift(within);
    for (const element of found) {
      if (started.get(selector).has(element)) continue;
      started.get(selector).add(element);
      start(element);
    }
  }
}

begin(document);
htmx.onLoad(begin);
