// Who carries whose power: which delegations hold for a vote, and what reaches those who vote (docs/verification.md).

const WHOLE = 10_000; // basis points

// The delegations that hold for a vote of this kind that is planned to close at `closesAt`: of several from one delegator to
// one delegate on one topic the newest; none with nothing to give or run out; those on the very topic before those on all.
export function holding(delegations, kind, closesAt) {
  const newest = new Map();
  for (const delegation of delegations) {
    const key = `${delegation.delegator} ${delegation.delegate} ${delegation.topic}`;
    if (!newest.has(key) || newest.get(key).nonce < delegation.nonce) newest.set(key, delegation);
  }
  const isLive = ({ share_bps: share, expires_at: expires, topic }) =>
    share > 0 && (expires === 0 || expires >= closesAt) && (topic === "" || topic === kind);
  const live = [...newest.values()].filter(isLive);
  const specific = new Set(live.filter(({ topic }) => topic === kind).map(({ delegator }) => delegator));
  return live.filter(({ delegator, topic }) => topic === kind || !specific.has(delegator));
}

// What is wrong with delegations that are all said to hold for one vote: [[code, delegation, detail]…].
export function idleProblems(delegations, held) {
  const holds = new Set(held);
  const idle = delegations.filter((delegation) => !holds.has(delegation));
  const giving = shares(held);
  const over = held.filter(({ delegator }) => giving.get(delegator) > WHOLE);
  return [
    ...idle.map((delegation) => ["delegation_idle", delegation, "it does not hold for this proposal"]),
    ...over.map((delegation) => ["delegation_shares", delegation, `${delegation.delegator} gives more than ${WHOLE} basis points in all`]),
  ];
}

// Delegator → basis points given in all.
function shares(held) {
  const giving = new Map();
  for (const { delegator, share_bps: share } of held) giving.set(delegator, (giving.get(delegator) ?? 0) + share);
  return giving;
}

// Voter → what reaches them (BigInt). `powerOf` gives everybody's own; `voters` keep theirs and pass nothing on.
// Of somebody who gives away more than everything, nothing is carried.
export function received(held, powerOf, voters) {
  const edges = new Map(); // giver → their delegations
  const giving = shares(held);
  for (const delegation of held) {
    if (voters.has(delegation.delegator) || giving.get(delegation.delegator) > WHOLE) continue;
    if (!edges.has(delegation.delegator)) edges.set(delegation.delegator, []);
    edges.get(delegation.delegator).push(delegation);
  }
  const { order, circle } = circles(edges, voters);
  const reached = new Map();
  for (const giver of order) {
    const amount = powerOf(giver) + (reached.get(giver) ?? 0n);
    for (const { delegate, share_bps: share } of edges.get(giver) ?? []) {
      if (circle.get(delegate) === circle.get(giver)) continue; // a voter is in no circle
      reached.set(delegate, (reached.get(delegate) ?? 0n) + (amount * BigInt(share)) / BigInt(WHOLE));
    }
  }
  return new Map([...reached].filter(([person]) => voters.has(person)));
}

// Strongly connected components of the people who do not vote (Tarjan, without recursion), and everybody, givers first.
function circles(edges, voters) {
  const index = new Map();
  const lowest = new Map();
  const circle = new Map();
  const stack = [];
  const order = [];
  for (const start of edges.keys()) {
    const path = index.has(start) ? [] : [[start, 0]];
    while (path.length) {
      const frame = path.at(-1);
      const [person, next] = frame;
      if (next === 0) {
        index.set(person, index.size);
        lowest.set(person, index.get(person));
        stack.push(person);
      }
      const outgoing = edges.get(person) ?? [];
      if (next < outgoing.length) {
        frame[1] += 1;
        const { delegate } = outgoing[next];
        if (voters.has(delegate)) continue;
        if (!index.has(delegate)) path.push([delegate, 0]);
        else if (!circle.has(delegate)) lowest.set(person, Math.min(lowest.get(person), index.get(delegate)));
        continue;
      }
      path.pop();
      if (path.length) {
        const above = path.at(-1)[0];
        lowest.set(above, Math.min(lowest.get(above), lowest.get(person)));
      }
      if (lowest.get(person) !== index.get(person)) continue;
      let member;
      do {
        member = stack.pop();
        circle.set(member, index.get(person));
        order.push(member);
      } while (member !== person);
    }
  }
  return { order: order.reverse(), circle };
}
