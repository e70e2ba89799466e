// Keccak-256 as Ethereum uses it: Keccak with 1,600 bits, rate 1,088, and the padding 0x01 from before FIPS 202.

const RATE = 136;
const ROUNDS = 24;
// Lanes are pairs of 32-bit halves, low first. The constants come from the linear feedback shift register of FIPS 202, 3.2.5.
const CONSTANTS = roundConstants();
// Lane x + 5y goes to lane y + 5((2x + 3y) mod 5), turned by the triangular numbers (3.2.2 and 3.2.3).
const [TARGETS, TURNS] = laneMoves();

function roundConstants() {
  const constants = new Int32Array(2 * ROUNDS);
  let register = 1;
  for (let round = 0; round < ROUNDS; round += 1) {
    for (let j = 0; j < 7; j += 1) {
      const bit = (1 << j) - 1;
      if (register & 1) constants[2 * round + (bit >> 5)] ^= 1 << (bit & 31);
      register = register & 0x80 ? ((register << 1) ^ 0x171) & 0xff : register << 1;
    }
  }
  return constants;
}

function laneMoves() {
  const targets = new Uint8Array(25);
  const turns = new Uint8Array(25);
  for (let x = 0; x < 5; x += 1) for (let y = 0; y < 5; y += 1) targets[x + 5 * y] = y + 5 * ((2 * x + 3 * y) % 5);
  let [x, y] = [1, 0];
  for (let t = 0; t < 24; t += 1) {
    turns[x + 5 * y] = (((t + 1) * (t + 2)) / 2) % 64;
    [x, y] = [y, (2 * x + 3 * y) % 5];
  }
  return [targets, turns];
}

const columns = new Int32Array(10);
const moved = new Int32Array(50);

function permute(s) {
  for (let round = 0; round < ROUNDS; round += 1) {
    for (let x = 0; x < 10; x += 1) columns[x] = s[x] ^ s[x + 10] ^ s[x + 20] ^ s[x + 30] ^ s[x + 40];
    for (let x = 0; x < 10; x += 2) {
      const left = (x + 8) % 10;
      const right = (x + 2) % 10;
      const low = columns[left] ^ ((columns[right] << 1) | (columns[right + 1] >>> 31));
      const high = columns[left + 1] ^ ((columns[right + 1] << 1) | (columns[right] >>> 31));
      for (let y = x; y < 50; y += 10) {
        s[y] ^= low;
        s[y + 1] ^= high;
      }
    }
    for (let lane = 0; lane < 25; lane += 1) {
      const by = TURNS[lane] & 31;
      const swapped = TURNS[lane] >> 5; // a turn by 32 or more begins with the halves exchanged
      const low = s[2 * lane + swapped];
      const high = s[2 * lane + 1 - swapped];
      const to = 2 * TARGETS[lane];
      moved[to] = by ? (low << by) | (high >>> (32 - by)) : low;
      moved[to + 1] = by ? (high << by) | (low >>> (32 - by)) : high;
    }
    for (let row = 0; row < 50; row += 10) {
      for (let x = 0; x < 10; x += 1) s[row + x] = moved[row + x] ^ (~moved[row + ((x + 2) % 10)] & moved[row + ((x + 4) % 10)]);
    }
    s[0] ^= CONSTANTS[2 * round];
    s[1] ^= CONSTANTS[2 * round + 1];
  }
}

export function keccak256(data) {
  const padded = new Uint8Array((Math.floor(data.length / RATE) + 1) * RATE);
  padded.set(data);
  padded[data.length] = 0x01;
  padded[padded.length - 1] |= 0x80;
  const view = new DataView(padded.buffer);
  const state = new Int32Array(50);
  for (let at = 0; at < padded.length; at += RATE) {
    for (let word = 0; word < RATE / 4; word += 1) state[word] ^= view.getInt32(at + 4 * word, true);
    permute(state);
  }
  const out = new DataView(new ArrayBuffer(32));
  for (let word = 0; word < 8; word += 1) out.setInt32(4 * word, state[word], true);
  return new Uint8Array(out.buffer);
}
