// Times Snapshot's own counting (@snapshot-labs/snapshot.js) for benchmarks/tally_methods.py.
// argv: method, number of choices, a file with one [choice, balance] per line. Ballots are read and kept as objects
// before anything is timed; each line on standard input is answered by {seconds, scores} of one count.
const { readFileSync } = require('fs');
const { createInterface } = require('readline');
const { utils } = require('@snapshot-labs/snapshot.js');

const [, , method, choices, path] = process.argv;
const names = Array.from({ length: Number(choices) }, (_, i) => `Choice ${i + 1}`);
const votes = readFileSync(path, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line))
  .map(([choice, balance]) => ({ choice, balance, scores: [balance] }));
console.log('ready');

createInterface({ input: process.stdin }).on('line', () => {
  const start = process.hrtime.bigint();
  const scores = new utils.voting[method]({ choices: names }, votes, [{ name: 'one' }], null).getScores();
  console.log(JSON.stringify({ seconds: Number(process.hrtime.bigint() - start) / 1e9, scores }));
});
