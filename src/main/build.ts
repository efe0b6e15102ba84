/** Set by the bundler (rolldown.config.ts), and unknown where the sources run as they are. */
declare const __BUNDLED__: true | undefined;

/** True in what users get. Only a source run and the builds of the tests can be told to die at a failpoint. */
export const IS_BUNDLED = typeof __BUNDLED__ !== 'undefined';
