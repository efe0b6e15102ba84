/**
 * Every requirement of the product, with the titles of the tests that show it, or the reason why it is open.
 * A title may be a part of the full one; the test beside this file fails when no test bears it any more.
 */
export type Requirement = { shown_by: string[] } | { open: string };

const LATER = (wave: string): Requirement => ({ open: `comes with ${wave}` });

export const REQUIREMENTS: Record<string, Requirement> = {
  'W20-1': {
    shown_by: [
      'through CLI, MCP and REST with the same outputs and codes',
      'through real processes with the same outputs and codes',
    ],
  },
  'W20-2': {
    shown_by: [
      'a token made beside a running server is accepted, survives a restart, and ends with its revocation',
      'a token is an API key as well: in X-API-Key it is what it is as a bearer',
    ],
  },
  'W20-3': {
    shown_by: [
      'the ready line is one JSON object, and the server answers at once at the address that it names',
      'a stop answers what is in flight, takes nothing new, and ends with 0 within 10 seconds',
      'clients that keep their connections fails no request, and takes less than 10 s',
    ],
  },
  'W20-4': {
    shown_by: ['a token made beside a running server is accepted, survives a restart, and ends with its revocation'],
  },
  'W20-5': { shown_by: ['lets in one origin, with fixed methods and headers, and never with cookies'] },
  'W20-6': { shown_by: ['a draft made by the command line, over stdio or over HTTP is seen by the other two at once'] },
  'W20-7': {
    shown_by: ['100 clients that read, draft and publish at once get no error, and a configuration within 300 ms'],
  },
  'W20-8': {
    shown_by: [
      'work in an empty home directory, in order, and leave nothing lying about',
      'are up to date (else: npm run reference)',
      'what it makes serves as another user, with a root that cannot be written, one volume and no network',
      'start the server of the checkout with a root that cannot be written, without privileges, on one volume',
    ],
  },
  'W20-9': {
    open: 'a threshold of the coverage report, not one test: 90 % of lines, 95 % of the core (`npm run coverage`)',
  },
  'W21-1': { shown_by: ['through CLI, MCP and REST with the same outputs and codes'] },
  'W21-2': {
    shown_by: [
      'each option of a validation leaves out what it names, and nothing else',
      'each client is asked what it can express',
    ],
  },
  'W21-3': {
    shown_by: [
      'the body is a list and nothing else, and the other field stands in the query',
      'nothing is kept of an atomic batch that fails, neither rows nor audit',
    ],
  },
  'W21-4': {
    shown_by: [
      'is sent the event as every other door shows it, signed over id, time and body',
      'that is at fault loses nothing, and keeps no other one waiting',
      'goes to an address that was checked, whatever the name leads to by then',
    ],
  },
  'W21-5': { shown_by: ['the manifest says without credentials what is served where'] },
  'W21-6': { shown_by: ['are up to date (else: npm run reference)'] },
  'W22-1': {
    shown_by: [
      'puts the latest release into the files of several clients, and tells about it',
      'publishes what is valid, with its payload in the call, and answers the release',
      'answers the findings of what is not valid, and publishes nothing',
      'tells which release is not deployed, and what somebody changed, and changes nothing',
      'believes what the server signed, and tells what was published, once, however often it comes',
    ],
  },
  'W22-2': {
    shown_by: [
      'mcp-hub in front of our /mcp with a bearer token passes calls on, and they are done as that token',
      'mcp-hub follows the file that is deployed to, forwards and back',
      'supergateway carries our /mcp with a bearer token to a client that only starts programs',
      'supergateway offers our stdio server over Streamable HTTP',
      'mcp-proxy offers our stdio server with a key, in both eras and over SSE, and to nobody without the key',
      'the inspector loads every entry of the file that is written for %s',
      'a client with one entry reaches through mcp-hub the servers that it had, and their secrets are in no file',
      'points to %s %s as its documentation says',
    ],
  },
  'W22-3': {
    shown_by: ['lists servers, adds those of a role, publishes them, and calls the second server with the release'],
  },
  'W22-4': {
    shown_by: [
      'find artifacts there that the other one has read, and believe nothing else that stands there',
      'plans each statement once for a connection',
      'keeps its connection from one message to the next',
      'the same question gets the same bytes, tag and headers, and its own request id',
    ],
  },
  'W22-5': {
    shown_by: ['has data for every panel and every rule, of a server at work'],
  },
  'W22-6': {
    shown_by: ['100 clients that read, draft and publish at once get no error, and a configuration within 300 ms'],
  },
  'REL-1': {
    shown_by: [
      'has one version, in every file that says it',
      'is one commit with the version everywhere, a signed tag, the notes, and all that users get as a bill of materials',
    ],
  },
  'FR-1': {
    shown_by: [
      'there are 42 clients and their ids are public',
      'clients and profiles are listed and profiles are made once',
    ],
  },
  'FR-2': { shown_by: ['clients and profiles are listed and profiles are made once'] },
  'FR-3': { shown_by: ['a client is described by its public fields'] },
  'FR-4': { shown_by: ['a release is published, fetched and compared'] },
  'FR-5': {
    shown_by: [
      'fills in an input with what this machine was told, or else with its default',
      'gets a definition with the first entry that asks, keeps it for the second, and loses it with the last',
    ],
  },
  'FR-6': { shown_by: ['a draft and a payload are validated and nothing is stored'] },
  'FR-7': LATER('governance and fleets'),
  'FR-8': { shown_by: ['a draft and a payload are validated and nothing is stored'] },
  'FR-9': { shown_by: ['a release is published, fetched and compared'] },
  'FR-10': {
    shown_by: [
      'goes on behind the last event that was seen, without a gap and without one twice',
      'ends a wait as soon as it does, also when another process did it',
    ],
  },
  'FR-11': { shown_by: ['a release that is exactly what was asked for'] },
  'FR-12': { shown_by: ['signing the same again gives the same bytes'] },
  'FR-13': LATER('governance and fleets'),
  'FR-14': { open: 'not asked for yet' },
  'FR-15': { open: 'not asked for yet' },
  'NFR-1': {
    shown_by: [
      'a release is published, fetched and compared',
      's of mixed load, one killed and one restarted every 5 s: nothing acknowledged is lost, no number twice, no gap',
      'grows with what others commit: another process, and somebody with a program of the database',
    ],
  },
  'NFR-2': {
    shown_by: [
      'lets every alert fire when it should, and be silent when it should not',
      'has data for every panel and every rule, of a server at work',
    ],
  },
  'NFR-3': {
    open: 'a figure of the benchmark, which fails when it is missed (docs/evidence/0.2.0.md), not a timed test',
  },
  'NFR-4': {
    open: 'a figure of the benchmark, which fails when it is missed (docs/evidence/0.2.0.md), not a timed test',
  },
  'NFR-5': {
    shown_by: ['a draft is edited with a revision that only grows', 'no client file ever holds a secret reference'],
  },
  'NFR-6': { shown_by: ['accept what get-config --json printed', 'refuse another key and a changed signature'] },
  'NFR-7': {
    shown_by: ['a token made beside a running server is accepted, survives a restart, and ends with its revocation'],
  },
  'NFR-8': { open: 'there is no telemetry' },
  'NFR-9': {
    shown_by: [
      'are up to date (else: npm run reference)',
      'has exactly the operations of the code, with the same names and scopes',
      'is valid OpenAPI 3.1',
      'the client of the package compiles strictly, and runs on every Node that it promises',
    ],
  },
  'NFR-10': { shown_by: ['every reason of the contract and every file occurs'] },
  'NFR-11': {
    shown_by: [
      'in server mode every request is one line of the log, with its trace, its route and who asked',
      'count requests by route and status class, operations by door and outcome, and what the product is about',
      'a publish over REST is one trace of the caller, from the request over the operation down to the store',
    ],
  },
  'NFR-12': LATER('governance and fleets'),
  'UC-1': { shown_by: ['is published for, deployed to, watched and rolled back like any other'] },
  'UC-2': LATER('governance and fleets'),
  'UC-3': { shown_by: ['an earlier release comes back as the next one, and the history shows all of them'] },
  'UC-4': LATER('governance and fleets'),
  'UC-5': LATER('governance and fleets'),
  'AC-1': { shown_by: ['a release is published, fetched and compared', 'accept what get-config --json printed'] },
  'AC-2': { shown_by: ['a release is published, fetched and compared'] },
  'AC-3': LATER('governance: policies; the audit row is written since 0.1.0'),
  'AC-4': { shown_by: ['refuse another key and a changed signature'] },
  'AC-5': LATER('governance: the policy model; the rest is there'),
  'TOP-1': {
    shown_by: [
      'merges what was published elsewhere, with ledger, backup, drift and undo as if it were published here',
      'is trusted because somebody said so, and never because it came first',
      'of a release that is older than what was accepted: rollback',
      'what is published is in the file of the other machine within a second',
      'after 30 days without a server a machine has what it had, and comes back alone',
    ],
  },
  'TOP-2': LATER('governance and fleets'),
};
