/** Elements of string tensors. ONNX strings are UTF-8, and the runtime's binding carries them as texts that U+0000 ends. */
import { AgentError } from '../errors.js';

// A byte order mark is an element's own: it must not vanish.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @throws AgentError `REQUEST_INVALID` for bytes that would come back as others */
export function textFrom(bytes: Uint8Array, where: string): string {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch (error) {
    throw new AgentError('REQUEST_INVALID', `${where} is not UTF-8: a string tensor carries text only`, {
      cause: error,
    });
  }
  checkText(text, where);
  return text;
}

/** @throws AgentError `REQUEST_INVALID` for a text that would come back as another */
export function checkText(text: string, where: string): void {
  if (text.includes('\0')) {
    throw new AgentError('REQUEST_INVALID', `${where} holds U+0000, at which the runtime ends a text`);
  }
  // JSON can write half a surrogate pair, which has no UTF-8 form (RFC 8259, 8.2).
  if (/\p{Surrogate}/u.test(text)) {
    throw new AgentError('REQUEST_INVALID', `${where} holds half a surrogate pair, which has no UTF-8 form`);
  }
}
