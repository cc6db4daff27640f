/** Class names as found, to class indices: numeric names in numeric order, others in code-unit order. */
export function indexLabels(found: readonly string[]): { y: Int32Array; labels: string[] } {
  const distinct = [...new Set(found)];
  const numeric = distinct.every((label) => label !== '' && Number.isFinite(Number(label)));
  distinct.sort(numeric ? (a, b) => Number(a) - Number(b) : (a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const index = new Map(distinct.map((label, i) => [label, i]));
  return { y: Int32Array.from(found, (label) => index.get(label) as number), labels: distinct };
}

/** Class indices given as numbers: labels 0..max. */
export function numberedLabels(y: Int32Array): string[] {
  let max = -1;
  for (const c of y) max = Math.max(max, c);
  return Array.from({ length: max + 1 }, (_, i) => String(i));
}

/** What is said of class indices that no sample has. */
export function gapNotes(y: Int32Array): string[] {
  const seen = new Set(y);
  const lacking = numberedLabels(y).filter((_, i) => !seen.has(i));
  if (lacking.length === 0) return [];
  const names = lacking.slice(0, 5).join(', ');
  return [`classes without a sample: ${lacking.length} (${names}${lacking.length > 5 ? ', …' : ''})`];
}
