// Snapshot's own counting (@snapshot-labs/snapshot.js), one poll per line in, one answer per line out.
// In: {type, choices: number, votes: [[choice, balance], ...]}; out: {scores, valid}.
const { utils } = require('@snapshot-labs/snapshot.js');
const lines = require('readline').createInterface({ input: process.stdin });

lines.on('line', (line) => {
  const poll = JSON.parse(line);
  const choices = Array.from({ length: poll.choices }, (_, i) => `Choice ${i + 1}`);
  const votes = poll.votes.map(([choice, balance]) => ({ choice, balance, scores: [balance] }));
  const counted = new utils.voting[poll.type]({ choices }, votes, [{ name: 'one' }], null);
  process.stdout.write(JSON.stringify({ scores: counted.getScores(), valid: counted.getValidVotes().length }) + '\n');
});
