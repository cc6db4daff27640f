/**
 * How many arrays and objects a JSON text holds, before it is parsed. Each takes some 50 bytes of memory and as few as two of
 * text: a request of 64 MiB would take more memory than a small device has.
 */
import { AgentError } from '../errors.js';

/** A million take some 50 MB. */
const most = 1_000_000;

const [quote, escape, bracket, brace] = [0x22, 0x5c, 0x5b, 0x7b];

/** @throws AgentError `REQUEST_INVALID` for more than are read */
export function refuseManyParts(json: Uint8Array): void {
  // One of them takes two bytes at least.
  if (json.length < 2 * most) return;
  let parts = 0;
  let inText = false;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i];
    if (byte === quote) inText = !inText;
    else if (inText) i += byte === escape ? 1 : 0;
    else if ((byte === bracket || byte === brace) && ++parts > most) {
      const advice = 'send data flat, or as binary tensor data';
      throw new AgentError('REQUEST_INVALID', `the JSON holds more than ${most} arrays and objects; ${advice}`);
    }
  }
}
