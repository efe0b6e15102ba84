/**
 * Milliseconds of processor time that this thread spends on `work`: unlike a clock, it does not count other tests. On
 * some systems it goes in steps of ten, so it is for bounds, not for comparing what is short.
 */
export function processorMs(work: () => void): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}
