// The report as data: numbered findings, the same for every verifier of a release (docs/verification.md).

// Where a file of provenance/ lies.
export const placeOf = (name) => `provenance/${name}`;

const PROBLEMS_SHOWN = 20;
const PROBLEMS_MAX = 100; // per check; a stranger's bundle may have millions

// What one check found. `problem` collects what is wrong, `blocked` says why the check could not be made.
export class Answer {
  problems = [];
  count = 0;
  blocked = "";
  evidence = "";
  outcome = ""; // how it passed, for a check that can pass in several ways

  problem(code, place, detail) {
    this.count += 1;
    if (this.problems.length < PROBLEMS_MAX) this.problems.push({ code, place, detail });
  }

  get isFull() {
    return this.count >= PROBLEMS_MAX;
  }
}

const TITLES = [
  "records are canonical, complete and in order",
  "every record rests on the records that it must",
  "ballots are signed by their voters",
  "tallies recount",
  "decisions follow from the rules",
  "delays and timelocks were respected",
  "spec, datasets and rules are the approved ones",
  "files match the manifest and the run",
  "the verdict follows from rules and report",
  "the release is signed by the community's key",
  "voting power matches the chain",
  "training again gives the same bytes",
];

const HINT_BY_CHECK = [
  "get the bundle again from the publisher; a record in it was changed, added or left out",
  "get the bundle again from the publisher; the records do not belong together",
  "do not use the release; ask the community which ballots, members and delegations this vote had",
  "do not use the release; ballots were dropped, added or altered after the count",
  "do not use the release; the recorded decision is not what votes and charter say",
  "do not use the release; a time that the community set was not kept",
  "do not use the release; what was trained is not what was approved",
  "download the release again into an empty folder; do not load the changed file",
  "do not use the release; judged by the community's rules it is not accepted",
  "do not use the release; ask the community for its release key and its fingerprint",
];
const HINT_BY_CODE = {
  file_missing: "download the release again; a file is missing",
  file_not_listed: "move files that do not belong to the release out of its folder",
  link_not_allowed: "download the release as plain files (`local_dir`), not as links into a cache",
  provenance_missing: "this is not a release folder, or its provenance was left out; download all files",
  parent_missing: "get the bundle again; if this stays, a record was changed after others rested on it",
  not_canonical: "get the bundle again; some tool rewrote the file, which must stay byte for byte",
  community_untrusted: "this is another community than the one you trust; check the digest that you gave",
  key_untrusted: "this is another key than the one you trust; check the key that you gave",
};

export function finding(number, answer) {
  const { problems, count, blocked, outcome } = answer;
  const [problem] = problems;
  const status = problem ? "failed" : blocked ? "not_checked" : "passed";
  const more = count > 1 ? ` (and ${count - 1} more)` : "";
  return {
    number,
    title: TITLES[number - 1],
    status,
    code: problem?.code ?? (outcome && status === "passed" ? outcome : status),
    place: problem?.place ?? "",
    evidence: problem ? problem.detail + more : blocked || answer.evidence,
    hint: problem ? (HINT_BY_CODE[problem.code] ?? HINT_BY_CHECK[number - 1]) : "",
    problems: problems.slice(0, PROBLEMS_SHOWN),
    problem_count: count,
  };
}

export function notChecked(number, why) {
  const answer = new Answer();
  answer.blocked = why;
  return finding(number, answer);
}
