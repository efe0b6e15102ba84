/** Set by the bundler (rolldown.config.ts), and unknown where the sources run as they are. */
declare const __BUNDLED__: true | undefined;

/** True in what users get. Only a source run and the builds of the tests can be told to die at a failpoint. */
export const IS_BUNDLED = typeof __BUNDLED__ !== 'undefined';

/** The noun whose module has the operation of a verb; known to the bundle only, and written there by the bundler. */
declare const __NOUNS_OF_VERBS__: Readonly<Record<string, string>> | undefined;
export const nounOfVerb = (verb: string): string | undefined =>
  typeof __NOUNS_OF_VERBS__ !== 'undefined' && Object.hasOwn(__NOUNS_OF_VERBS__, verb)
    ? __NOUNS_OF_VERBS__[verb]
    : undefined;
