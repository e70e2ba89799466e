// Signs votes with Snapshot's own client (@snapshot-labs/snapshot.js), without sending them anywhere.
// In: {key, message}; out: the envelope {address, sig, data: {domain, types, message}} that the client would send.
const snapshot = require('@snapshot-labs/snapshot.js').default || require('@snapshot-labs/snapshot.js');
const { Wallet } = require('@ethersproject/wallet');
const lines = require('readline').createInterface({ input: process.stdin });

class Recorder extends snapshot.Client712 {
  async send(envelope) {
    return envelope;
  }
}

let turn = Promise.resolve();
lines.on('line', (line) => {
  turn = turn.then(async () => {
    const { key, message } = JSON.parse(line);
    const wallet = new Wallet(key);
    const envelope = await new Recorder().vote(wallet, wallet.address, message);
    process.stdout.write(JSON.stringify(envelope) + '\n');
  });
});
