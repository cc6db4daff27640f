/** `verge devices label`: sets and removes labels, and never writes over what somebody else changed meanwhile. */
import { ApiError, type Client, type Device } from '@verge/contracts';
import { CliError } from '../errors.js';

/** As the API takes them: null removes a label. */
export type LabelChanges = Readonly<Record<string, string | null>>;

const LONGEST_KEY = 63;
const LONGEST_VALUE = 255;

/**
 * `key=value` sets a label, `key-` removes it.
 * @throws CliError `usage`, naming every one that is neither
 */
export function parseLabels(given: readonly string[]): LabelChanges {
  const changes = new Map<string, string | null>();
  const problems: string[] = [];
  for (const text of given) {
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? /^([^=]+)-$/.exec(text) ?? [];
    if (key === undefined) problems.push(`'${text}': expected key=value, or key- to remove it`);
    else if (key.length > LONGEST_KEY) problems.push(`'${text}': expected a key of at most ${LONGEST_KEY} characters`);
    else if ((value ?? '').length > LONGEST_VALUE)
      problems.push(`'${text}': expected a value of at most ${LONGEST_VALUE} characters`);
    else if (changes.has(key)) problems.push(`'${text}': ${key} is given twice`);
    else changes.set(key, value ?? null);
  }
  if (problems.length > 0) throw new CliError('usage', 'the labels cannot be read', problems);
  return Object.fromEntries(changes);
}

/**
 * Changes labels of the device as it was read.
 * @throws CliError `failed` when somebody changed its name, labels or group meanwhile: nothing was changed then
 */
export async function changeLabels(
  client: Client,
  params: { project: string; device: string },
  labels: LabelChanges,
): Promise<Device> {
  const { data, etag } = await client.callWithETag('devices.get', { params });
  try {
    return await client.call('devices.update', { params, body: { labels }, ifMatch: etag });
  } catch (cause) {
    if (!(cause instanceof ApiError) || cause.code !== 'PRECONDITION_FAILED') throw cause;
    const now = await client.call('devices.get', { params });
    const shown = [`before: ${labelText(data.labels)}`, `now: ${labelText(now.labels)}`];
    const message = `${now.name} was changed by somebody else meanwhile; nothing was changed, look and try again`;
    throw new CliError('failed', message, shown, { cause });
  }
}

/** `line=a, site=north`, in the order of the keys. */
export const labelText = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)
    .join(', ') || '-';
