const UNITS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Ten years: what lives longer says `never`. */
const LONGEST_MS = 3650 * UNITS.d;

/** Milliseconds of a duration such as `90d`, `12h`, `30m` or `45s`; null for `never`; undefined for anything else. */
export function parseDuration(text: string): number | null | undefined {
  if (text === 'never') return null;
  const match = /^([1-9]\d{0,8})([smhd])$/.exec(text);
  const duration = match ? Number(match[1]) * UNITS[match[2] as keyof typeof UNITS] : Number.NaN;
  return duration <= LONGEST_MS ? duration : undefined;
}
