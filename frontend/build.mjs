// `npm run build`: bundles the one script and the one style sheet of the pages, the demo's wallet, the sealing of ballots, passkeys, paired wallets and the messages of shared wallets, into static/built/.
// With --watch it does so again after each change. The verifier in the browser is not bundled: people read it as it is.
import { build, context } from "esbuild";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const STATIC = join(dirname(fileURLToPath(import.meta.url)), "static");
const options = {
  entryPoints: [
    { in: join(STATIC, "css/site.css"), out: "site" },
    { in: join(STATIC, "js/site.js"), out: "site" },
    { in: join(STATIC, "js/demo-wallet.js"), out: "demo" },
    { in: join(STATIC, "js/sealing.js"), out: "sealing" },
    { in: join(STATIC, "js/paired-wallet.js"), out: "pairing" },
    { in: join(STATIC, "js/seat.js"), out: "seat" },
    { in: join(STATIC, "js/shared-message.js"), out: "shared-message" },
  ],
  outdir: join(STATIC, "built"),
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022", "chrome111", "firefox111", "safari16.4"],
  external: ["../img/*"], // pictures stay files of their own, one folder away from here as from there
  legalComments: "none",
  logLevel: "warning",
};

if (process.argv.includes("--watch")) await (await context(options)).watch();
else await build(options);
