/**
 * The threats to client files and to the HTTP platform, with the titles of the tests that show the defence. A title may be a part of the full
 * one; the test beside this file fails when no test bears it any more.
 */
export interface Threat {
  what: string;
  shown_by: string[];
  /** Those that only the long run (`npm run test:long`) carries out. */
  long?: string[];
}

export const THREATS: Record<string, Threat> = {
  T14: {
    what: 'links, pipes, devices and swaps of files in a home directory',
    shown_by: [
      'never gets a victim changed, nor a command to hang',
      'an attacker who swaps the file for a link never gets the victim changed',
      'a link that took its place is not followed',
      'a directory that became a link is noticed',
      'does not follow a link, nor wait for a pipe, that took the place of the file',
      'a link that took the name is put back, and what it leads to is not touched',
      'a pipe in the place of the file is drift, not a mistake of who asks, and is not waited for',
    ],
  },
  T19: {
    what: 'requests that a webhook makes the server send into a private network',
    shown_by: [
      'not to %s',
      'not to a name of which one address is private, but to one that is not known yet',
      'goes to an address that was checked, whatever the name leads to by then',
      'that redirects to a private address is not followed, and its answer is a failure',
      'that answers ten megabytes is read no further than it has to be',
      'in server mode only https is used, with a certificate that is trusted',
    ],
  },
  T20: {
    what: 'forged and repeated webhooks',
    shown_by: [
      'is sent the event as every other door shows it, signed over id, time and body',
      'has two signatures for a day after its secret was replaced',
      'handles nothing twice, and nothing that is old, changed or signed by somebody else',
    ],
  },
  T21: {
    what: 'pages of other origins, DNS rebinding',
    shown_by: [
      'are answered in the one envelope, with the status of the fault',
      '%s is refused, with credentials and without',
      'answers only to names of this machine, and to those it was told',
      'a trusted proxy says which host was asked for and over what; the allowlist holds for it all the same',
      'of a peer that is not named, and when none is, the headers of proxies mean nothing',
      'every scenario of revision %s that needs no fixture passes',
    ],
  },
  T22: {
    what: 'misuse of CORS',
    shown_by: [
      'lets in one origin, with fixed methods and headers, and never with cookies',
      'lets in nobody when no origin is configured',
      'may not call from %s when another origin is configured',
      "['CORS_ORIGINS', '*']",
    ],
  },
  T23: {
    what: 'stolen and guessed tokens, and what the time of an answer says',
    shown_by: [
      'that are unknown, malformed, expired or revoked get the same answer to the byte',
      'are not stored: neither the token nor a part of it is in the data directory',
      'a token made beside a running server is accepted, survives a restart, and ends with its revocation',
      'wrong credentials are refused faster after ten a minute from one address; right ones and missing ones never',
      'wrong credentials are counted for the address that a trusted proxy names, and for the last one that it can know',
      '%s ends when its token is revoked just after it was looked up',
      'ends a wait with a refusal when the token of who waits is revoked, and shows nothing that comes after',
    ],
    long: ['T23: a refused token that begins like a valid one takes as long as any other'],
  },
  T24: {
    what: 'tokens for another service, and tokens that are passed on',
    shown_by: [
      'gets the one refusal, to the byte, whatever is wrong with it',
      'is no JSON Web Token of anybody when no issuer is configured',
      'goes no further, as no credential does: what serves MCP is told who asks, and not by what',
      'an issuer that cannot be asked is told apart from a wrong token, and tokens of this server work all the same',
    ],
  },
  T25: {
    what: 'a look into another workspace',
    shown_by: [
      'keeps workspaces apart in every noun',
      'keeps the keys of workspaces and actors apart',
      '%s is told of what %s has what it is told of what nobody has, by every route',
      'every field of every route is known to name an object of a tenant, or none',
      'a list shows what is in the own workspace only, and a cursor of another one leads nowhere else',
      'hears of its own events only: polling, on a stream, over MCP and by webhook',
    ],
  },
  T26: {
    what: 'answers and handles of somebody else',
    shown_by: [
      'of which many are served at once, and each gets its own answers',
      "answers, none of them another one's",
      'repeats its own requests by an Idempotency-Key, never those of another one',
      'is not given the answer that was kept for another one, nor leaves its own to others',
      'pages through its own part, also with a cursor that a wider one was given',
    ],
  },
  T27: {
    what: 'slow clients, floods, too many streams',
    shown_by: [
      'have 15 s for their headers and 30 s for a request, and are looked at every 5 s',
      'are told so in the one envelope when their time is over, be it for headers or for a body',
      'is given up also when it came with a body, over a real connection',
      'a credential may send so many requests a second and twice as many in a burst, and is told when to come back',
      'is for who may read events, five times each, and ends with the credential',
      'waits for a slow reader in the store, and not in memory: it gets everything once it reads again',
      'streams that nobody reads keep no one else waiting',
    ],
  },
  T28: {
    what: 'texts of callers that do something where they come out',
    shown_by: [
      'T28: nothing that a caller writes becomes more than text in streams, logs, headers, answers or terminals',
      '%j shows itself and does nothing',
    ],
  },
};

/** What must hold for client files and drafts whatever goes wrong, shown in the same way. */
export const FAULTS: Record<string, Threat> = {
  R4: {
    what: 'a client file is the whole old or the whole new one at every instant',
    shown_by: [
      'a reader that polls every millisecond finds a whole JSON, TOML or YAML file',
      'a publisher and a deployer killed',
      'deploy at %s: the file is whole, and nobody hears of drift',
    ],
  },
  R5: {
    what: 'bytes outside our entries never change',
    shown_by: [
      'takes add, update, remove and undo without a byte of others',
      'entries that are added read back as wanted beside every byte of before, and taking them out gives that back',
      'an entry that is updated or removed leaves every other byte alone, and goes back to what it was',
    ],
  },
  R6: {
    what: 'a disk that refuses a call is survived, whichever call it is',
    shown_by: [
      '%s leaves the file whole and the ledger right',
      'a disk that gets full in the middle of a write keeps the old file, and with room the same command works',
      'a fault at %s leaves the old file and no temporary one',
    ],
  },
  R18: {
    what: 'two writers never overwrite each other silently',
    shown_by: [
      'four processes that edit one draft lose no update, and each revision has exactly one winner',
      'never loses its own keys to a deployment or an undo',
      'a client that writes just before the exchange sees an older version for an instant, and has lost nothing',
      'of many who make the same missing file, one wins and the others are told',
    ],
  },
};
