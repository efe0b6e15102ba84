/** What differs from call to call without being a difference: times, random ids, signatures over times, places. */
const ISO = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g;
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const BACKUP = /backups\/[^"]+\.bak/g;
const SIGNED = new Set([
  'public_key_pem',
  'kid',
  'x',
  'signature',
  'sig',
  'keyid',
  'key_id',
  'signing_key_id',
  'publisher',
  'actor',
  'secret',
]);

export function normalised(value: unknown, home: string, key = ''): unknown {
  if (typeof value === 'string') {
    if (SIGNED.has(key)) return `<${key}>`;
    return value
      .replaceAll(home, '<HOME>')
      .replaceAll(ISO, '<TIME>')
      .replaceAll(UUID, '<UUID>')
      .replaceAll(BACKUP, '<BACKUP>');
  }
  if (Array.isArray(value)) return value.map((item) => normalised(item, home));
  if (typeof value !== 'object' || value === null) return value;
  const isEnvelope = 'payloadType' in value && 'signatures' in value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      isEnvelope && name === 'payload' ? '<SIGNED>' : normalised(member, home, name),
    ]),
  );
}
