/** A look that is dear: what it found holds for `ms`. One that failed does not. */
export function held<T>(look: () => Promise<T>, ms: number, clock = () => performance.now()): () => Promise<T> {
  let found: Promise<T> | undefined;
  let until = 0;
  return () => {
    if (found !== undefined && clock() < until) return found;
    until = clock() + ms;
    const looking = look();
    found = looking;
    looking.catch(() => {
      if (found === looking) found = undefined;
    });
    return looking;
  };
}
