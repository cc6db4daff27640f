import type { FieldError } from '@verge/contracts';

/** What a device says of itself is kept as it is, within bounds. */
export function checkFacts(facts: Readonly<Record<string, string>>): FieldError[] {
  const entries = Object.entries(facts);
  if (entries.length > 64) return [{ field: 'facts', detail: `expected at most 64, got ${entries.length}` }];
  return entries.flatMap(([name, value]) => {
    const ok = /^[A-Za-z][A-Za-z0-9._-]{0,63}$/.test(name) && value.length <= 512 && !value.includes('\0');
    const detail = 'expected a name of at most 64 letters and digits, and a value of at most 512 characters';
    return ok ? [] : [{ field: `facts[${JSON.stringify(name.slice(0, 80))}]`, detail }];
  });
}
