import { visibleText, type FieldError } from '@verge/contracts';

/** What a device says of itself is kept as it is, within bounds. */
export function checkFacts(facts: Readonly<Record<string, string>>): FieldError[] {
  const entries = Object.entries(facts);
  if (entries.length > 64) return [{ field: 'facts', detail: `expected at most 64, got ${entries.length}` }];
  return entries.flatMap(([name, value]) => {
    const ok = /^[A-Za-z][A-Za-z0-9._-]{0,63}$/.test(name) && value.length <= 512;
    const detail = 'expected a name of at most 64 letters and digits, and a value of at most 512 characters';
    return ok ? [] : [{ field: `facts[${JSON.stringify(name.slice(0, 80))}]`, detail }];
  });
}

/**
 * The facts as they are stored and shown. What a device read from its hardware (a CPU's name that ends in U+0000) is no
 * reason to turn it away, and never reaches a terminal as it came.
 */
export function visibleFacts(facts: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(facts).map(([name, value]) => [name, visibleText(value)]));
}
