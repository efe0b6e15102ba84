/**
 * Text that shows something else than it is (SECURITY-BAR T5). Names, commands and arguments decide what runs, so
 * nothing unseen may stand there; values may hold line ends, tabs and joined emoji, but nothing that reorders or hides.
 */

/** C0, DEL, C1; bidi controls; tags. */
const HIDDEN_ANYWHERE =
  '\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069\\u{e0000}-\\u{e007f}';
/** Line ends and tabs, soft hyphen, zero-width and filler characters, invisible operators, separators, annotations. */
const HIDDEN_IN_NAMES =
  '\\t\\n\\r\\u00ad\\u034f\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200d\\u2028\\u2029\\u2060-\\u2065\\u206a-\\u206f\\u3164\\ufeff\\uffa0\\ufff9-\\ufffb';
/** One selector after a character picks its style; a run of them carries hidden data. */
const SELECTOR_RUN = '[\\ufe00-\\ufe0f\\u{e0100}-\\u{e01ef}]{2,}';

const ANYWHERE = new RegExp(`[${HIDDEN_ANYWHERE}]|${SELECTOR_RUN}`, 'u');
const IN_NAMES = new RegExp(`[${HIDDEN_ANYWHERE}${HIDDEN_IN_NAMES}]|${SELECTOR_RUN}`, 'u');
const TO_ESCAPE = new RegExp(`[${HIDDEN_ANYWHERE}${HIDDEN_IN_NAMES}\\ufe00-\\ufe0f\\u{e0100}-\\u{e01ef}]`, 'gu');

/** The first hidden character of a text, as `U+202E`, or undefined. `strict` is for what decides what runs. */
export function hiddenCharacter(text: string, strict: boolean): string | undefined {
  const found = (strict ? IN_NAMES : ANYWHERE).exec(text)?.[0].codePointAt(0);
  return found === undefined ? undefined : `U+${found.toString(16).toUpperCase().padStart(4, '0')}`;
}

const SHOWN_LENGTH = 80;

/** The text as a message may show it: hidden characters spelt out, long ones cut. */
export function visible(text: string): string {
  const cut = text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}...` : text;
  return cut.replaceAll(TO_ESCAPE, (hidden) => `\\u{${(hidden.codePointAt(0) ?? 0).toString(16)}}`);
}
